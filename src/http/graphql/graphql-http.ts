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
import { OverloadedError, type Admission } from '../overload/admission.ts';
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
  /** The gate of both transports, and its rules. */
  readonly gate: Gate;
  readonly rules: readonly ValidationRule[];
  /** Checks operations that have passed validation. */
  readonly valueGate: ValueGate;
  readonly maxTokens: number;
  /** How long an operation may take over HTTP. */
  readonly operationTimeoutMs: number;
  readonly maskError: MaskError;
  readonly admission: Admission;
  readonly log: Log;
  /** Whether the playground is served: browsers that open the path as a page are sent there. */
  readonly playground: boolean;
}

/** Mounts the route and starts Apollo; the instance stops it when it closes. */
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
  /** Keyed by `progress`, because Apollo copies the context itself. */
  const requests = new WeakMap<Context['progress'], FastifyRequest>();
  /** Requests that accept nothing that is spoken here. */
  const unacceptable = new WeakSet<HeaderMap>();
  const apollo = new ApolloServer<Context>({
    schema,
    introspection: true, // the gate's own rule decides, for both transports
    validationRules: [...rules],
    validationOptions: { maxErrors: MAX_VALIDATION_ERRORS },
    parseOptions: { maxTokens },
    formatError: (formatted, error) => maskError(error, String(formatted.extensions?.code)),
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    // A browser sends the scheme Bearer only for a script, and then asks with a preflight; other schemes have been
    // answered 401 by now.
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
    // Decided before anything runs: Apollo finds out only when a mutation has done its work.
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
    // An operation that timed out goes on, and keeps its slot until it ends.
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
      // Apollo rejects a malformed request before any plugin runs; such an answer is short.
      if ((status ?? 200) >= 400 && !notesOf(request).errors)
        noteOn(request, {
          errors: codesOf((JSON.parse(body.string) as { errors?: readonly GraphQLFormattedError[] }).errors ?? []),
        });
      return body.string;
    }
    throw new Error('an answer in parts was not asked for');
  };

  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const untilMs = performance.now() + operationTimeoutMs;
    // Before the document is parsed. Not before the body is read: a client that sends it slowly would keep its slot.
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
    // Before the body is read: a stranger's is not worth parsing.
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
  // Node 20 does not close a response that still waits behind another one when its connection ends.
  socket.once('close', abort);
  return gone.signal;
}

/** By the text, which is parsed later; a query that has the word in it only waits as long as a mutation. */
const isMutation = (request: FastifyRequest): boolean => /\bmutation\b/.test(queryOf(request));

/** What goes on after it cannot be taken back: a job may be accepted all the same. */
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
          message: 'The operation took too long.',
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

/** A browser has opened the path: the request has no operation and asks for a page. */
const isPageVisit = ({ method, url, headers: { accept = '' } }: FastifyRequest): boolean =>
  method === 'GET' && /\btext\/html\b/i.test(accept) && !/[?&]query=/.test(url);

/** Relative, so that it holds below any prefix that a proxy strips. */
const playgroundFrom = ({ url }: FastifyRequest): string =>
  `${url.split('?')[0]!.endsWith('/') ? '..' : '.'}${PLAYGROUND_PATH}`;

const searchOf = ({ url }: FastifyRequest): string => (url.includes('?') ? url.slice(url.indexOf('?')) : '');

/** As Apollo finds it, which takes no lists and nothing but text; empty where there is none. */
function queryOf(request: FastifyRequest): string {
  const { query } =
    ((request.method === 'GET' ? request.query : request.body) as { readonly query?: unknown } | null) ?? {};
  return typeof query === 'string' ? query : '';
}

/** By GraphQL over HTTP: 400 for whoever knows its own media type. */
function refuse(request: FastifyRequest, reply: FastifyReply, errors: readonly GraphQLFormattedError[]): string {
  noteOn(request, { errors: codesOf(errors) });
  const type = acceptedType(request.headers.accept) ?? 'application/json';
  void reply.code(type === GRAPHQL_RESPONSE ? 400 : 200).type(`${type}; charset=utf-8`);
  return JSON.stringify({ errors });
}

const SOCKET_ONLY = {
  code: 'SOCKET_ONLY',
  message: 'Subscriptions run over the WebSocket of the same path, by the protocol graphql-transport-ws.',
} as const;

/**
 * A subscription would be executed as if it were a query, and a response in a type that the client does not accept
 * would be written after the work is done.
 */
const notOverHttpPlugin = (unacceptable: WeakSet<HeaderMap>): ApolloServerPlugin<Context> => ({
  requestDidStart: async () => ({
    async didResolveOperation({ operation, request: { http } }) {
      if (operation?.operation === OperationTypeNode.SUBSCRIPTION) {
        throw new GraphQLError(SOCKET_ONLY.message, { extensions: { code: SOCKET_ONLY.code, http: { status: 400 } } });
      }
      if (!http || !unacceptable.has(http.headers)) return;
      const message = `Answers are ${GRAPHQL_RESPONSE} or application/json, and the Accept header takes neither. Nothing was executed.`;
      throw new GraphQLError(message, { extensions: { code: 'NOT_ACCEPTABLE', http: { status: 406 } } });
    },
    // By GET, Apollo has refused it before that as no query.
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
 * Rejects invalid values and excessive cost before execution. It replaces the response, because a hook can throw one
 * error only.
 */
const valueGatePlugin = ({
  valueGate,
  maskError,
}: Pick<GraphQLOptions, 'valueGate' | 'maskError'>): ApolloServerPlugin<Context> => ({
  requestDidStart: async () => ({
    async responseForOperation({ request, document, operation }) {
      // Undefined, despite its type, if the document has no such operation; the execution reports that.
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

/** Records operation and error codes for the log line of the request. */
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

/** A fault of ours after a job was accepted must not look as if there were none: the client would pay twice. */
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
 * What was wrong with the document or its variables: GraphQL over HTTP wants 200 for it where the answer is
 * `application/json`.
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
