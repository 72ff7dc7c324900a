/** GraphQL over HTTP: Apollo Server behind Fastify's routing, limits and logs. */
import { setTimeout } from 'node:timers/promises';
import { ApolloServer, HeaderMap, type ApolloServerPlugin, type HTTPGraphQLResponse } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  GraphQLError,
  OperationTypeNode,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type ValidationRule,
} from 'graphql';
import type { Authenticate } from '../../accounts/authenticate.ts';
import type { Caller } from '../../accounts/caller.ts';
import { UnauthenticatedError } from '../../accounts/errors.ts';
import type { Log } from '../../log.ts';
import { createContext, type Context, type Cores } from '../../resolvers/context.ts';
import { acceptedType, GRAPHQL_RESPONSE } from './accepted-type.ts';
import { networkOf } from '../../network/client-address.ts';
import type { Admission } from '../overload/admission.ts';
import { OverloadedError } from '../overload/overloaded-error.ts';
import { withoutEmptyFields, withoutEmptyParameters } from './empty-parameters.ts';
import { idempotencyHeaderPlugin } from './idempotency-header.ts';
import type { MaskError } from './mask-errors.ts';
import { MAX_VALIDATION_ERRORS, type Gate } from './operation-limits.ts';
import type { ValueGate } from './operation-values.ts';
import { codesOf, nameOf, noteOn, notesOf } from '../request-notes.ts';
import { PLAYGROUND_PATH } from '../playground.ts';
import { ACCOUNT_HEADER, takeRequest } from '../rate-limit-headers.ts';
import { sendOverloaded } from '../overload/shed.ts';

export interface GraphQLOptions {
  readonly path: string;
  readonly schema: GraphQLSchema;
  readonly cores: Cores;
  readonly authenticate: Authenticate;
  /** The document check that both transports share, and its rules. */
  readonly gate: Gate;
  readonly rules: readonly ValidationRule[];
  /** Checks operations that have passed validation. */
  readonly valueGate: ValueGate;
  readonly maxTokens: number;
  /** The maximum duration of an operation over HTTP. */
  readonly operationTimeoutMs: number;
  readonly maskError: MaskError;
  readonly admission: Admission;
  readonly log: Log;
  /** True if the playground is served: browsers that open the path as a page are redirected to it. */
  readonly playground: boolean;
}

/** Mounts the route and starts Apollo Server, which stops when the Fastify instance closes. */
export async function registerGraphQL(app: FastifyInstance, options: GraphQLOptions): Promise<void> {
  const {
    path,
    schema,
    cores,
    authenticate,
    gate,
    rules,
    maxTokens,
    operationTimeoutMs,
    maskError,
    admission,
    log,
    playground,
  } = options;
  /** Keyed by `progress`, because Apollo copies the context object. */
  const requests = new WeakMap<Context['progress'], FastifyRequest>();
  /** The headers of requests that accept neither media type. */
  const unacceptable = new WeakSet<HeaderMap>();
  const apollo = new ApolloServer<Context>({
    schema,
    introspection: true, // a validation rule decides, for both transports
    validationRules: [...rules],
    validationOptions: { maxErrors: MAX_VALIDATION_ERRORS },
    parseOptions: { maxTokens },
    formatError: (formatted, error) => maskError(error, String(formatted.extensions?.code)),
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    // A browser sends the scheme Bearer only on behalf of a script, which requires a preflight. By this point, requests
    // with any other scheme have been rejected with 401.
    csrfPrevention: { requestHeaders: ['x-apollo-operation-name', 'apollo-require-preflight', 'authorization'] },
    stopOnTerminationSignals: false,
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: (message) => log.warn({}, String(message)),
      error: (message) => log.error({}, String(message)),
    },
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      notOverHttpPlugin(unacceptable),
      idempotencyHeaderPlugin,
      valueGatePlugin(options),
      acceptedAllTheSamePlugin,
      plainJsonStatusPlugin,
      notesPlugin(requests),
    ],
  });
  await apollo.start();
  app.addHook('onClose', () => apollo.stop());

  const callers = new WeakMap<FastifyRequest, Caller>();
  const execute = async (
    request: FastifyRequest,
    reply: FastifyReply,
    leave: () => void,
    untilMs: number,
  ): Promise<string> => {
    const contextValue = createContext(callers.get(request)!, networkOf(request.ip), cores);
    requests.set(contextValue.progress, request);
    const headers = headersOf(request);
    const accepted = acceptedType(request.headers.accept);
    if (accepted === null) unacceptable.add(headers);
    // Set before anything is executed: Apollo checks the header only after a mutation has done its work.
    headers.set('accept', accepted ?? 'application/json');
    const answered = apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: request.method,
        headers,
        search: withoutEmptyParameters(searchOf(request)),
        body: withoutEmptyFields(request.body),
      },
      context: async () => contextValue,
    });
    // An operation that timed out continues, and keeps its slot until it ends.
    void answered.then(leave, leave);
    const late = new AbortController();
    const answer = await Promise.race([
      answered,
      setTimeout(untilMs - performance.now(), timedOut, { signal: late.signal }).then((toAnswer) => {
        noteOn(request, { errors: ['OPERATION_TIMED_OUT'] });
        return toAnswer(contextValue);
      }),
    ]).finally(() => late.abort());
    const { body, status } = answer;
    for (const [name, value] of answer.headers) void reply.header(name, value);
    void reply.code(status ?? 200);
    if (body.kind === 'complete') {
      // Apollo rejects a malformed request before any plugin runs. Such a response is short, so its codes are parsed
      // here.
      if ((status ?? 200) >= 400 && !notesOf(request).errors)
        noteOn(request, {
          errors: codesOf((JSON.parse(body.string) as { errors?: readonly GraphQLFormattedError[] }).errors ?? []),
        });
      return body.string;
    }
    throw new Error('unexpected incremental response');
  };

  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const untilMs = performance.now() + operationTimeoutMs;
    // Takes the slot before the document is parsed, but after the body has been read: a client that sends its body
    // slowly would otherwise occupy a slot.
    const leave = await admission.enter(isMutation(request) ? 'submit' : 'read', () => goneSignal(reply));
    try {
      const refused = gate(queryOf(request));
      if (refused.length === 0) return await execute(request, reply, leave, untilMs);
      leave();
      return refuse(
        request,
        reply,
        refused.map((error) => maskError(error)),
      );
    } catch (error) {
      leave();
      throw error;
    }
  };

  app.route({
    method: ['GET', 'POST'],
    url: path,
    // Runs before the body is read: the body of an unauthenticated client is not worth parsing.
    onRequest: async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      if (playground && isPageVisit(request)) return reply.redirect(playgroundFrom(request));
      const caller = await authenticate(
        request.headers.authorization,
        request.headers[ACCOUNT_HEADER],
        networkOf(request.ip),
      );
      if (caller) {
        callers.set(request, caller);
        if (caller.accountId !== null) noteOn(request, { accountId: caller.accountId });
        const error = await takeRequest(cores.accounts.limits, caller, request, reply);
        return error === null
          ? undefined
          : reply
              .code(429)
              .header('retry-after', error.retryAfterSeconds)
              .send({ errors: [maskError(error)] });
      }
      const why = await cores.accounts.explainRefusal(request.headers.authorization);
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer')
        .send({ errors: [maskError(new UnauthenticatedError(why))] });
    },
    handler: (request, reply) =>
      answer(request, reply).catch((error: unknown) => {
        if (error instanceof ClientGoneError) return reply.hijack();
        if (error instanceof OverloadedError) return sendOverloaded(request, reply, error);
        throw error;
      }),
  });
}

/** The client closed the connection while its request waited for a slot. */
class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const { raw } = reply;
  const { socket } = raw.req;
  const abort = (): void => {
    socket.off('close', abort);
    gone.abort(new ClientGoneError());
  };
  if (raw.destroyed || raw.closed || socket.destroyed) abort();
  raw.once('close', abort);
  // When a connection ends, Node 20 does not close a response that is still queued behind another one.
  socket.once('close', abort);
  return gone.signal;
}

/**
 * Searches the text for the word, because the text is parsed only later. The only consequence for a query that contains
 * the word is that it may wait as long as a mutation.
 */
const isMutation = (request: FastifyRequest): boolean => /\bmutation\b/.test(queryOf(request));

/**
 * Returns the response to an operation that timed out. The operation continues and cannot be revoked, so a job may
 * still be accepted.
 */
const timedOut = ({ progress }: Context): HTTPGraphQLResponse => ({
  status: 503,
  headers: new HeaderMap([
    ['content-type', 'application/json; charset=utf-8'],
    ['retry-after', '5'],
  ]),
  body: {
    kind: 'complete',
    string: JSON.stringify({
      errors: [
        {
          message: 'The operation timed out.',
          extensions: { code: 'OPERATION_TIMED_OUT', ...(progress.accepting && { mayHaveBeenAccepted: true }) },
        },
      ],
    }),
  },
});

function headersOf(request: FastifyRequest): HeaderMap {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}

/** Returns true if a browser opened the path: the request has no operation and asks for a page. */
const isPageVisit = ({ method, url, headers: { accept = '' } }: FastifyRequest): boolean =>
  method === 'GET' && /\btext\/html\b/i.test(accept) && !/[?&]query=/.test(url);

/** Returns a relative path, which is valid below any prefix that a proxy strips. */
const playgroundFrom = ({ url }: FastifyRequest): string =>
  `${url.split('?')[0]!.endsWith('/') ? '..' : '.'}${PLAYGROUND_PATH}`;

const searchOf = ({ url }: FastifyRequest): string => (url.includes('?') ? url.slice(url.indexOf('?')) : '');

/** Finds the query as Apollo does, which accepts only a string and no list. Empty if there is none. */
function queryOf(request: FastifyRequest): string {
  const { query } =
    ((request.method === 'GET' ? request.query : request.body) as { readonly query?: unknown } | null) ?? {};
  return typeof query === 'string' ? query : '';
}

/**
 * Responds with the errors. By GraphQL over HTTP, the status is 400 for `application/graphql-response+json`, else 200.
 */
function refuse(request: FastifyRequest, reply: FastifyReply, errors: readonly GraphQLFormattedError[]): string {
  noteOn(request, { errors: codesOf(errors) });
  const type = acceptedType(request.headers.accept) ?? 'application/json';
  void reply.code(type === GRAPHQL_RESPONSE ? 400 : 200).type(`${type}; charset=utf-8`);
  return JSON.stringify({ errors });
}

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
const valueGatePlugin = ({
  valueGate,
  maskError,
}: Pick<GraphQLOptions, 'valueGate' | 'maskError'>): ApolloServerPlugin<Context> => ({
  requestDidStart: async () => ({
    async responseForOperation({ request, document, operation }) {
      // Undefined, despite its type, if the document has no such operation; execution reports that error.
      const errors = (operation as typeof operation | undefined)
        ? valueGate(document, operation, request.variables)
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
const acceptedAllTheSamePlugin: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async willSendResponse({ response, contextValue }) {
      if (!contextValue.progress.accepted || response.body.kind !== 'single') return;
      for (const { extensions = {} } of response.body.singleResult.errors ?? []) {
        if (faultsOfOurs.has(String(extensions.code))) extensions.mayHaveBeenAccepted = true;
      }
    },
  }),
};

const faultsOfOurs = new Set(['INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE']);

/**
 * Codes of errors in the document or its variables. GraphQL over HTTP requires the status 200 for them when the
 * response is `application/json`.
 */
const wrongDocument = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_TOO_LARGE',
  'BAD_USER_INPUT',
]);

const plainJsonStatusPlugin: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async willSendResponse({ request, response, errors }) {
      const plain = acceptedType(request.http?.headers.get('accept')) !== GRAPHQL_RESPONSE;
      if (plain && errors?.some(({ extensions }) => wrongDocument.has(String(extensions.code))))
        response.http.status = 200;
    },
  }),
};
