/** Serves subscriptions over graphql-ws on the port and path of HTTP, with the same limits and error masking. */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type ExecutionArgs,
  type OperationDefinitionNode,
} from 'graphql';
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, handleProtocols, makeServer, type SubscribePayload } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Caller } from '../../accounts/caller.ts';
import { UnauthenticatedError, type WhyRefused } from '../../accounts/errors.ts';
import { GatewayError } from '../../errors.ts';
import { createContext } from '../../resolvers/context.ts';
import { createJobReads } from '../../resolvers/job-reads.ts';
import { createAddressOf, networkOf } from '../../network/client-address.ts';
import { OverloadedError } from '../overload/overloaded-error.ts';
import { closeInSlices } from './close-in-slices.ts';
import type { GraphQLOptions } from '../graphql/graphql-http.ts';
import { originNotAllowed } from '../cors.ts';
import { credentialsOf } from './credentials.ts';
import { findHandshakeFault, offersProtocol, refuseUpgrade } from './handshake.ts';
import type { HostCheck } from '../host-check.ts';
import { MAX_VALIDATION_ERRORS } from '../graphql/operation-limits.ts';
import { codesOf, nameOf } from '../request-notes.ts';
import type { OriginCheck } from '../origin-check.ts';
import { pathOf } from '../path.ts';
import type { LogRefusal } from '../refusal-log.ts';
import { toBody, wrongHost } from '../server.ts';
import { createSocketDoor, type DoorLimits } from './socket-quotas.ts';
import { serveSocket, TooManySocketsError, type ServedSocket, type SocketExtra, type SocketLimits } from './socket.ts';
import { watchCallers } from './close-revoked.ts';

export interface SocketOptions extends GraphQLOptions, SocketLimits {
  readonly maxMessageBytes: number;
  readonly maxSubscriptionsPerSocket: number;
  readonly initWaitMs: number;
  readonly door: DoorLimits;
  readonly trustProxy: string | null;
  readonly isOurHost: HostCheck;
  readonly origins: OriginCheck;
  readonly logRefusal: LogRefusal;
  /** Interval between checks that the callers of open sockets are still authorized. */
  readonly recheckMs: number;
  findEnded(callers: readonly Caller[]): Promise<ReadonlyMap<Caller, WhyRefused>>;
  /** Time over which `stop` closes the open sockets, regardless of their number. */
  readonly stopSpreadMs: number;
}

export interface Sockets {
  count(): number;
  /** Returns the number of sockets closed so far, by code: ours if we closed them, else the peer's, or 1006 if none. */
  closes(): Readonly<Record<number, number>>;
  /** Stops accepting sockets and closes the open ones in slices with 1001, after which clients reconnect. */
  stop(): Promise<void>;
}

/** Number of parsed and validated documents that are cached by their text. Most clients send the same few. */
const CACHED_DOCUMENTS = 200;

/** Time after which a peer that does not answer the closing handshake is cut off. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Time for which a new socket keeps the slot of its handshake. With a single slot, up to 200 sockets per second can
 * connect.
 */
const HANDSHAKE_TURN_MS = 5;

export function startSockets(server: HttpServer, options: SocketOptions): Sockets {
  const { path, schema, cores, authenticate, maskError, admission, log, origins } = options;
  const admit = createAdmission(options);
  const reads = createJobReads(cores.jobs);
  const door = createSocketDoor(options.door);
  const findAddress = createAddressOf(options.trustProxy);
  const addressOf = (request: IncomingMessage): string => networkOf(findAddress(request));

  function begin(extra: SocketExtra, id: string, payload: SubscribePayload): ExecutionArgs | readonly GraphQLError[] {
    const { caller, running } = extra;
    running.add(id);
    if (running.size > options.maxSubscriptionsPerSocket) {
      return [
        new GraphQLError(`A socket can have at most ${options.maxSubscriptionsPerSocket} subscriptions.`, {
          extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' },
        }),
      ];
    }
    if (!door.hasRoom(caller!.keyId ?? caller!.kind)) {
      return [
        new GraphQLError(
          `The sockets of a key can have at most ${options.door.maxSubscriptionsPerKey} subscriptions in total.`,
          {
            extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' },
          },
        ),
      ];
    }
    // Some clients send "" instead of omitting the name.
    const operationName = payload.operationName || undefined;
    const admitted = admit(payload.query, operationName, payload.variables);
    if ('errors' in admitted) return admitted.errors;
    log.info(
      {
        ...accountOf(extra),
        operation: nameOf(admitted.operation.name?.value),
        operationType: admitted.operation.operation,
      },
      'subscription',
    );
    const contextValue = createContext(caller!, addressOf(extra.request), cores, reads);
    return { schema, document: admitted.document, operationName, variableValues: payload.variables, contextValue };
  }

  async function refusalOf(authorization: unknown): Promise<GatewayError> {
    const why = await cores.accounts.explainRefusal(authorization);
    if (why !== 'missing') return new UnauthenticatedError(why);
    return new GatewayError(
      'UNAUTHENTICATED',
      'authorization is missing in connection_init; send {"authorization":"Bearer <key>"}.',
    );
  }

  const protocol = makeServer<Record<string, unknown>, SocketExtra>({
    schema,
    connectionInitWaitTimeout: options.initWaitMs,
    async onConnect(ctx) {
      const { authorization, accountId } = credentialsOf(ctx.connectionParams, ctx.extra.request.headers);
      const caller = await authenticate(authorization, accountId, addressOf(ctx.extra.request));
      // Closes the socket with 4403. Clients reconnect after it, with a new key if they have one.
      if (!caller || caller.kind === 'anonymous') throw await refusalOf(authorization);
      // The socket may have closed in the meantime; its place would then never be released.
      if (ctx.extra.isGone) return false;
      if (!door.admit(caller.keyId ?? caller.kind, ctx.extra)) throw new TooManySocketsError();
      ctx.extra.caller = caller;
      return true;
    },
    onSubscribe(ctx, id, payload) {
      // An internal error ends this subscription only, not the others of the socket.
      try {
        const begun = begin(ctx.extra, id, payload);
        // graphql-ws does not call `onError` for a refused subscription if the client's `complete` came right after its
        // subscribe message.
        if (Array.isArray(begun)) ctx.extra.running.delete(id);
        return begun;
      } catch (error) {
        ctx.extra.running.delete(id);
        return [new GraphQLError('The subscription could not be started.', { originalError: error as Error })];
      }
    },
    onNext(ctx, _id, payload, _args, result) {
      if (!result.errors) return undefined;
      const errors = result.errors.map((error) => maskError(error, 'BAD_USER_INPUT'));
      log.info(
        { ...accountOf(ctx.extra), operation: nameOf(payload.operationName), errors: codesOf(errors) },
        'subscription errors',
      );
      return { ...result, errors };
    },
    onError(ctx, id, payload, refused) {
      ctx.extra.running.delete(id);
      const errors = refused.map((error) => maskError(error));
      log.info(
        { ...accountOf(ctx.extra), operation: nameOf(payload.operationName), errors: codesOf(errors) },
        'subscription errors',
      );
      return errors;
    },
    onComplete: (ctx, id) => void ctx.extra.running.delete(id),
  });

  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: options.maxMessageBytes,
    handleProtocols: (protocols) => handleProtocols(protocols),
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0]);

  const open = new Map<ServedSocket, SocketExtra>();
  const closes: Record<number, number> = {};
  const serve = (accepted: WebSocket, request: IncomingMessage): void => {
    // Counts the socket only here: an invalid handshake never gets this far, and its place would never be released.
    const address = addressOf(request);
    door.enter(address);
    const extra: SocketExtra = { request, running: new Set(), isGone: false };
    const socket = serveSocket(protocol, accepted, extra, options, log);
    open.set(socket, extra);
    void socket.closed.then((code) => {
      open.delete(socket);
      extra.isGone = true;
      if (extra.caller) door.dismiss(extra.caller.keyId ?? extra.caller.kind, extra);
      door.leave(address);
      closes[code] = (closes[code] ?? 0) + 1;
    });
  };

  function admitHandshake(socket: Duplex): Promise<() => void> {
    return admission.enter('handshake', () => {
      const gone = new AbortController();
      socket.once('close', () => gone.abort());
      return gone.signal;
    });
  }

  const callers = watchCallers(open, options);
  let stopping = false;
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => undefined);
    const refuse = (status: string, body?: object) => refuseUpgrade(socket, status, body);
    if (pathOf(request.url ?? '') !== path) return refuse('404 Not Found');
    const fault = findHandshakeFault(request);
    if (fault !== null) return refuse(fault);
    const { host = '', origin } = request.headers;
    if (!options.isOurHost(host)) {
      options.logRefusal('ALLOWED_HOSTS', host);
      return refuse('421 Misdirected Request', toBody(wrongHost(host), 'MISDIRECTED_REQUEST'));
    }
    if (stopping) return refuse('503 Service Unavailable');
    // A request without an origin does not come from a browser.
    if (origin !== undefined && !origins.allows(origin, request)) {
      options.logRefusal('CORS_ORIGINS', origin);
      const { message, code } = originNotAllowed(origin);
      return refuse('403 Forbidden', toBody(message, code));
    }
    if (!offersProtocol(request)) {
      const message = `The subprotocol must be ${GRAPHQL_TRANSPORT_WS_PROTOCOL}, and Sec-WebSocket-Protocol does not offer it.`;
      return refuse('400 Bad Request', toBody(message, 'SUBPROTOCOL_NOT_SUPPORTED'));
    }
    if (door.isFull(addressOf(request))) return refuse('429 Too Many Requests');
    admitHandshake(socket).then(
      (leave) => {
        if (socket.destroyed) return leave();
        if (stopping) return (leave(), refuse('503 Service Unavailable'));
        // Other sockets of the same address may have been accepted while this one waited.
        if (door.isFull(addressOf(request))) return (leave(), refuse('429 Too Many Requests'));
        sockets.handleUpgrade(request, socket, head, (accepted) => serve(accepted, request));
        // Keeps the slot a little longer, because authentication and the first reads of the socket follow immediately.
        setTimeout(leave, HANDSHAKE_TURN_MS).unref();
      },
      (error: unknown) => {
        // Any other error means that the client disconnected while it waited.
        if (!(error instanceof OverloadedError)) return;
        refuse(`503 Service Unavailable\r\nretry-after: ${error.retryAfterSeconds}`, toBody(error.message, error.code));
      },
    );
  };
  server.on('upgrade', upgrade);

  return {
    count: () => open.size,
    closes: () => ({ ...closes }),
    async stop() {
      stopping = true;
      callers.stop();
      await closeInSlices([...open.keys()], options.stopSpreadMs);
    },
  };
}

/** Returns the log fields of the caller. */
const accountOf = ({ caller }: SocketExtra): object =>
  caller?.accountId == null ? {} : { accountId: caller.accountId };

type Admitted = { readonly document: DocumentNode; readonly operation: OperationDefinitionNode } | Refused;
type Refused = { readonly errors: readonly GraphQLError[] };

type Admit = (query: string, operationName: string | undefined, variables: unknown) => Admitted;

function createAdmission({ schema, gate, valueGate, maxTokens, path }: SocketOptions): Admit {
  const documents = new Map<string, DocumentNode>();

  function toDocument(query: string): { readonly document: DocumentNode } | Refused {
    const known = documents.get(query);
    if (known) return { document: known };
    const refused = gate(query);
    if (refused.length > 0) return { errors: refused };
    try {
      const document = parse(query, { maxTokens });
      const errors = validate(schema, document, specifiedRules, { maxErrors: MAX_VALIDATION_ERRORS });
      if (errors.length > 0) return { errors };
      if (documents.size >= CACHED_DOCUMENTS) documents.delete(documents.keys().next().value!);
      documents.set(query, document);
      return { document };
    } catch (error) {
      if (error instanceof GraphQLError)
        return {
          errors: [
            new GraphQLError(error.message, {
              nodes: error.nodes,
              source: error.source,
              positions: error.positions,
              extensions: { code: 'GRAPHQL_PARSE_FAILED' },
            }),
          ],
        };
      throw error;
    }
  }

  return (query, operationName, variables) => {
    const admitted = toDocument(query);
    if ('errors' in admitted) return admitted;
    const operation = getOperationAST(admitted.document, operationName);
    if (!operation)
      return {
        errors: [
          new GraphQLError('"operationName" must name one operation of the document.', {
            extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
          }),
        ],
      };
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
      const message =
        'The WebSocket accepts only subscriptions. ' +
        `Send the ${operation.operation} by HTTP POST to ${path}: split the links of your client by operation type.`;
      return { errors: [new GraphQLError(message, { extensions: { code: 'SUBSCRIPTIONS_ONLY' } })] };
    }
    const errors = valueGate(admitted.document, operation, variables);
    return errors.length > 0 ? { errors } : { ...admitted, operation };
  };
}
