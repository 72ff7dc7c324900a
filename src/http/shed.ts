/**
 * Refuses requests of an overloaded gateway before anything is done for them: no authentication, no body, no database. The hook runs
 * after that of CORS, so that browsers can read the refusal. Callbacks, health checks and metrics are never refused.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeError, errorStatuses } from '../upstream/wire/envelopes.ts';
import { LOOK_UP_PATH, SUBMIT_PATH } from '../upstream/wire/routes.ts';
import type { Admission, Kind, OverloadedError } from './admission.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Refused because of overload. Such requests are counted and not logged one by one. */
    isShed: boolean;
  }
}

/** A refused client that keeps its connection keeps its memory here: above this number its connection is closed. */
const KEPT_CONNECTIONS = 2_000;

export interface SheddingOptions {
  readonly graphqlPath: string;
  /** Routes that are never refused, by the beginning of their pattern. */
  readonly neverShed: readonly string[];
}

export function registerShedding(app: FastifyInstance, admission: Admission, { graphqlPath, neverShed }: SheddingOptions): void {
  let connections = 0;
  app.server.on('connection', (socket) => {
    connections += 1;
    socket.once('close', () => (connections -= 1));
  });

  /** Null for a POST to GraphQL: whether it is a mutation is in its body. */
  function kindOf({ method, routeOptions: { url } }: FastifyRequest): Kind | null {
    if (url === graphqlPath && method === 'POST') return null;
    return url === SUBMIT_PATH ? 'submit' : 'read';
  }

  app.decorateRequest('isShed', false);
  app.addHook('onRequest', async (request, reply) => {
    if (neverShed.some((path) => request.routeOptions.url?.startsWith(path))) return;
    const error = admission.refusal(kindOf(request));
    if (error === null) return;
    if (connections > KEPT_CONNECTIONS) void reply.header('connection', 'close');
    return sendOverloaded(request, reply, error);
  });
}

/** In the shape of the door: the vendor's envelope for REST, a GraphQL error elsewhere. */
export function sendOverloaded(request: FastifyRequest, reply: FastifyReply, { message, code, retryAfterSeconds }: OverloadedError): FastifyReply {
  request.isShed = true;
  void reply.header('retry-after', retryAfterSeconds);
  const route = request.routeOptions.url;
  // The vendor's contract has one answer that surely made no task and can be repeated.
  if (route === SUBMIT_PATH || route === LOOK_UP_PATH) {
    return reply.code(errorStatuses.too_many_requests).send(encodeError('too_many_requests', message, request.id));
  }
  return reply.code(503).send({ errors: [{ message, extensions: { code, retryAfterSeconds } }] });
}
