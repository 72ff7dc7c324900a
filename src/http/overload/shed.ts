/**
 * Refuses requests to an overloaded gateway before any work is done for them: no routing, no authentication, no body,
 * no database. It runs before Fastify, because at 3,000 requests per second refusals through Fastify's hooks took
 * almost all of the CPU time of a core. Browsers can read a refusal. Refusals are counted, not logged one by one.
 * Callbacks, health checks, metrics and preflights are never refused.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import { encodeError, errorStatuses } from '../../upstream/acedata/wire/envelopes.ts';
import { LOOK_UP_PATH, SUBMIT_PATH } from '../../upstream/acedata/wire/routes.ts';
import type { Admission } from './admission.ts';
import type { Kind, OverloadedError } from './overloaded-error.ts';
import { corsHeadersOf } from '../cors.ts';
import type { OriginCheck } from '../origin-check.ts';
import { pathOf } from '../path.ts';
import { securityHeaders } from '../security-headers.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** True if the request was refused because of overload. Such requests are counted, not logged one by one. */
    isShed: boolean;
  }
}

/** Number of connections above which those of refused clients are closed, because each one occupies memory here. */
const KEPT_CONNECTIONS = 2_000;

export interface SheddingOptions {
  readonly graphqlPath: string;
  /** Prefixes of the paths that are never refused. */
  readonly neverShed: readonly string[];
  readonly origins: OriginCheck;
}

export function registerShedding(
  app: FastifyInstance,
  admission: Admission,
  { graphqlPath, neverShed, origins }: SheddingOptions,
): void {
  let connections = 0;
  app.server.on('connection', (socket) => {
    connections += 1;
    socket.once('close', () => (connections -= 1));
  });

  /** Returns null for a POST to GraphQL, because only its body shows whether it is a mutation. */
  function kindOf(method: string | undefined, path: string): Kind | null {
    if (path === graphqlPath && method === 'POST') return null;
    return path === SUBMIT_PATH ? 'submit' : 'read';
  }

  function refuse(request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url = '/' } = request;
    const path = pathOf(url);
    if (method === 'OPTIONS' || neverShed.some((beginning) => path.startsWith(beginning))) return false;
    const error = admission.refusal(kindOf(method, path));
    if (error === null) return false;
    const id = uuidv7();
    const { status, body } = refusalOf(path, error, id);
    const text = JSON.stringify(body);
    response.writeHead(status, {
      ...securityHeaders,
      ...corsHeadersOf(origins, request, path),
      'x-request-id': id,
      'retry-after': String(error.retryAfterSeconds),
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      ...(connections > KEPT_CONNECTIONS && { connection: 'close' }),
    });
    response.end(text);
    return true;
  }

  app.decorateRequest('isShed', false);
  const handlers = app.server.listeners('request') as RequestListener[];
  app.server.removeAllListeners('request');
  app.server.on('request', (request, response) => {
    if (refuse(request, response)) return;
    for (const handle of handlers) handle(request, response);
  });
}

/** Refuses a request whose kind was known only after its body had been read. */
export function sendOverloaded(request: FastifyRequest, reply: FastifyReply, error: OverloadedError): FastifyReply {
  request.isShed = true;
  const { status, body } = refusalOf(request.routeOptions.url ?? '/', error, request.id);
  return reply.header('retry-after', error.retryAfterSeconds).code(status).send(body);
}

/** Returns the refusal in the format of the route: the upstream's envelope for REST, a GraphQL error elsewhere. */
function refusalOf(
  path: string,
  { message, code, retryAfterSeconds }: OverloadedError,
  id: string,
): { readonly status: number; readonly body: object } {
  // The upstream's contract has one error that guarantees that no task was created and allows a retry.
  if (path === SUBMIT_PATH || path === LOOK_UP_PATH)
    return { status: errorStatuses.too_many_requests, body: encodeError('too_many_requests', message, id) };
  return { status: 503, body: { errors: [{ message, extensions: { code, retryAfterSeconds } }] } };
}
