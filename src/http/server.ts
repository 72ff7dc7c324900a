/**
 * Creates the HTTP server, whose only port serves everything, with request ids, logs by route pattern, limits, and
 * errors as JSON.
 */
import Fastify, { LogController, type FastifyBaseLogger, type FastifyError, type FastifyInstance } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { Acceptors } from './overload/acceptors.ts';
import { createTrustCheck } from '../network/client-address.ts';
import { refuseEncodedBody, UnsupportedEncodingError } from './content-encoding.ts';
import type { HostCheck } from './host-check.ts';
import { noteRefusals, notesOf } from './request-notes.ts';
import type { OriginCheck } from './origin-check.ts';
import { registerCors } from './cors.ts';
import { shorten, type LogRefusal } from './refusal-log.ts';
import { securityHeaders } from './security-headers.ts';
import { GatewayError, type ErrorCode } from '../errors.ts';

export interface ServerOptions {
  readonly logger: FastifyBaseLogger;
  readonly maxBodyBytes: number;
  readonly trustProxy: string | null;
  readonly origins: OriginCheck;
  readonly isOurHost: HostCheck;
  readonly logRefusal: LogRefusal;
  /** Time within which a whole request, headers and body, must arrive. Its response may take longer. */
  readonly requestTimeoutMs?: number;
}

const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Interval between checks for overdue requests. All connections that a check finds are answered with 408 in one turn of
 * the event loop, so the interval is short.
 */
const LATE_CHECK_MS = 1_000;

const IDLE_CHECK_MS = 25;

/** The `Retry-After` that clients receive while the database is unavailable. */
const RETRY_AFTER_SECONDS = 5;

/** Status codes of errors on routes that have no error format of their own; every other error code gets 400. */
const statuses: Readonly<Partial<Record<ErrorCode, number>>> = { RATE_LIMITED: 429, SERVICE_UNAVAILABLE: 503 };

const HEALTH: ReadonlySet<string> = new Set(['/livez', '/readyz']);

export async function createServer({
  logger,
  maxBodyBytes,
  trustProxy,
  origins,
  isOurHost,
  logRefusal,
  requestTimeoutMs = REQUEST_TIMEOUT_MS,
}: ServerOptions): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => uuidv7(),
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    http: { connectionsCheckingInterval: Math.min(LATE_CHECK_MS, requestTimeoutMs) },
    forceCloseConnections: 'idle',
    // Requests on open connections are answered until the end, in the format of their route: a callback is sent once.
    return503OnClosing: false,
    // Not the list itself, because Fastify would not recognize an address with a port.
    trustProxy: trustProxy !== null && createTrustCheck(trustProxy),
    // Clients that append a path to the server URL of the OpenAPI document, which ends in a slash, send two slashes.
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
  });
  // Fastify's only built-in type besides JSON. A page of another site can send it without a preflight.
  app.removeContentTypeParser('text/plain');

  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id).headers(securityHeaders);
    // Health probes address the instance by IP.
    const { host = '' } = request.headers;
    if (isOurHost(host) || HEALTH.has(request.routeOptions.url ?? '')) return;
    logRefusal('ALLOWED_HOSTS', host);
    return reply.code(421).send(toBody(wrongHost(host), 'MISDIRECTED_REQUEST'));
  });
  app.addHook('onRequest', async (request) => refuseEncodedBody(request));
  // Logs the route pattern instead of the URL, because the URL of a callback is a secret.
  app.addHook('onResponse', async (request, reply) => {
    if (request.isShed) return;
    const fields = {
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...notesOf(request),
    };
    request.log[reply.statusCode >= 500 ? 'warn' : 'info'](fields, 'request');
  });
  noteRefusals(app);
  app.setErrorHandler((error: FastifyError | GatewayError, request, reply) => {
    if (error instanceof GatewayError) {
      const { code, message, retryAfterSeconds } = error;
      const status = statuses[code] ?? 400;
      const retryAfter = retryAfterSeconds ?? (status === 503 ? RETRY_AFTER_SECONDS : null);
      if (retryAfter !== null) void reply.header('retry-after', retryAfter);
      return reply.code(status).send(toBody(message, code, retryAfterSeconds === null ? {} : { retryAfterSeconds }));
    }
    const status = error.statusCode ?? 500;
    if (status === 413)
      return reply
        .code(status)
        .send(
          toBody(
            `The body is larger than the limit of ${request.routeOptions.bodyLimit} bytes (MAX_BODY_BYTES).`,
            'BODY_TOO_LARGE',
          ),
        );
    if (error instanceof UnsupportedEncodingError) {
      return reply.code(status).header('accept-encoding', 'identity').send(toBody(error.message, error.code));
    }
    if (status < 500) return reply.code(status).send(toBody(error.message, codes[status] ?? 'BAD_REQUEST'));
    request.log.error({ err: error }, 'unexpected error');
    return reply.code(500).send(toBody(`Internal error. The request id is ${request.id}.`, 'INTERNAL_SERVER_ERROR'));
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(toBody('There is nothing at this path. GraphQL is served at /graphql.', 'NOT_FOUND')),
  );

  await registerCors(app, origins, logRefusal);
  return app;
}

/**
 * Stops accepting connections and resolves when the requests in progress have been answered; after `graceMs` they are
 * cut off. Keep-alive connections can become idle at any time, so idle ones are closed repeatedly until none is left.
 */
export async function closeServer(app: FastifyInstance, acceptors: Acceptors, graceMs: number): Promise<void> {
  const idle = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS);
  const late = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await Promise.all([app.close(), acceptors.close()]);
  } finally {
    clearInterval(idle);
    clearTimeout(late);
  }
}

const codes: Readonly<Record<number, string>> = {
  404: 'NOT_FOUND',
  413: 'BODY_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Returns the message for a request to a host name that is not ours, over HTTP and at the handshake of a socket. */
export const wrongHost = (host: string): string =>
  `"${shorten(host)}" is not a host name of this server. If it should be, add it to ALLOWED_HOSTS.`;

/** Returns a body in the format of a GraphQL error, for every route. */
export const toBody = (message: string, code: string, more: object = {}) => ({
  errors: [{ message, extensions: { code, ...more } }],
});
