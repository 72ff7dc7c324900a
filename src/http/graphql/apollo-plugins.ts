/** The plugins of Apollo Server: rejections over HTTP, the status of a response, and the notes for the log. */
import { HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import { GraphQLError, OperationTypeNode } from 'graphql';
import type { Context } from '../../resolvers/context.ts';
import { codesOf, nameOf, noteOn } from '../request-notes.ts';
import { acceptedType, GRAPHQL_RESPONSE } from './accepted-type.ts';
import type { GraphQLOptions } from './graphql-options.ts';
import { idempotencyHeaderPlugin } from './idempotency-header.ts';

/** Facts about the current requests that Apollo does not pass to its plugins. */
export interface CurrentRequests {
  /** Keyed by `progress`, because Apollo copies the context object. */
  readonly requests: WeakMap<Context['progress'], FastifyRequest>;
  /** The headers of requests that accept neither media type. */
  readonly unacceptable: WeakSet<HeaderMap>;
}

/** Creates the plugins, in the order in which Apollo calls them. */
export const createPlugins = (
  { requests, unacceptable }: CurrentRequests,
  options: Pick<GraphQLOptions, 'checkValues' | 'maskError'>,
): ApolloServerPlugin<Context>[] => [
  notOverHttpPlugin(unacceptable),
  idempotencyHeaderPlugin,
  checkValuesPlugin(options),
  mayHaveBeenAcceptedPlugin,
  plainJsonStatusPlugin,
  notesPlugin(requests),
];

const SOCKET_ONLY = {
  code: 'SOCKET_ONLY',
  message: 'Subscriptions require a WebSocket at the same path, with the subprotocol graphql-transport-ws.',
} as const;

/**
 * Rejects subscriptions and unacceptable media types before execution. Otherwise a subscription would be executed as if
 * it were a query, and a response in a type that the client does not accept would be written after the work is done.
 */
const notOverHttpPlugin = (unacceptable: WeakSet<HeaderMap>): ApolloServerPlugin<Context> => ({
  requestDidStart: async () => ({
    async didResolveOperation({ operation, request: { http } }) {
      if (operation?.operation === OperationTypeNode.SUBSCRIPTION) {
        throw new GraphQLError(SOCKET_ONLY.message, { extensions: { code: SOCKET_ONLY.code, http: { status: 400 } } });
      }
      if (!http || !unacceptable.has(http.headers)) return;
      const message =
        `Responses are ${GRAPHQL_RESPONSE} or application/json, and the Accept header allows neither. ` +
        'Nothing was executed.';
      throw new GraphQLError(message, { extensions: { code: 'NOT_ACCEPTABLE', http: { status: 406 } } });
    },
    // For GET, Apollo has already rejected the subscription because it is not a query; this replaces the response.
    async willSendResponse({ operation, request: { http }, response }) {
      if (
        http?.method !== 'GET' ||
        operation?.operation !== OperationTypeNode.SUBSCRIPTION ||
        response.body.kind !== 'single'
      )
        return;
      response.http.status = 400;
      response.http.headers.delete('allow');
      response.body.singleResult = {
        errors: [{ message: SOCKET_ONLY.message, extensions: { code: SOCKET_ONLY.code } }],
      };
    },
  }),
});

/**
 * Rejects invalid values and excessive cost before execution. It replaces the response, because a hook can throw only
 * one error.
 */
const checkValuesPlugin = ({
  checkValues,
  maskError,
}: Pick<GraphQLOptions, 'checkValues' | 'maskError'>): ApolloServerPlugin<Context> => ({
  requestDidStart: async () => ({
    async responseForOperation({ request, document, operation }) {
      // Undefined, despite its type, if the document has no such operation; execution reports that error.
      const errors = (operation as typeof operation | undefined)
        ? checkValues(document, operation, request.variables)
        : [];
      if (errors.length === 0) return null;
      const status = acceptedType(request.http?.headers.get('accept')) === GRAPHQL_RESPONSE ? 400 : 200;
      return {
        body: { kind: 'single', singleResult: { errors: errors.map((error) => maskError(error)) } },
        http: { status, headers: new HeaderMap() },
      };
    },
  }),
});

/** Records the operation and the error codes for the log line of the request. */
const notesPlugin = (requests: WeakMap<Context['progress'], FastifyRequest>): ApolloServerPlugin<Context> => ({
  requestDidStart: async ({ contextValue }) => {
    const request = requests.get(contextValue.progress);
    return {
      async didResolveOperation({ operation }) {
        if (request && operation)
          noteOn(request, { operation: nameOf(operation.name?.value), operationType: operation.operation });
      },
      async willSendResponse({ response: { body } }) {
        const errors = body.kind === 'single' ? body.singleResult.errors : undefined;
        if (request && errors) noteOn(request, { errors: codesOf(errors) });
      },
    };
  },
});

/**
 * Marks internal errors that occur after a job was accepted: without the mark, the client would repeat the request and
 * pay twice.
 */
const mayHaveBeenAcceptedPlugin: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async willSendResponse({ response, contextValue }) {
      if (!contextValue.progress.accepted || response.body.kind !== 'single') return;
      for (const { extensions = {} } of response.body.singleResult.errors ?? []) {
        if (internalErrorCodes.has(String(extensions.code))) extensions.mayHaveBeenAccepted = true;
      }
    },
  }),
};

const internalErrorCodes = new Set(['INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE']);

/**
 * Codes of errors in the document or its variables. GraphQL over HTTP requires the status 200 for them when the
 * response is `application/json`.
 */
const documentErrorCodes = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_TOO_LARGE',
  'BAD_USER_INPUT',
]);

const plainJsonStatusPlugin: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async willSendResponse({ request, response, errors }) {
      const isPlainJson = acceptedType(request.http?.headers.get('accept')) !== GRAPHQL_RESPONSE;
      if (isPlainJson && errors?.some(({ extensions }) => documentErrorCodes.has(String(extensions.code))))
        response.http.status = 200;
    },
  }),
};
