/** CORS, by the same rules as for sockets. A preflight that is refused says which setting decides. */
import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OriginCheck } from './origin-check.ts';
import { PLAYGROUND_PATH } from './playground.ts';
import { shorten, type LogRefusal } from './refusal-log.ts';

const ALLOWED: FastifyCorsOptions = {
  methods: ['GET', 'POST'],
  maxAge: 600,
  exposedHeaders: ['x-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after'],
  strictPreflight: false,
};
const NONE: FastifyCorsOptions = { origin: false };

/** What a browser origin that may not call is told, over HTTP and at the handshake of a socket. */
export const originNotAllowed = (origin: string) => ({
  message: `Pages of "${shorten(origin)}" may not call this server. If they should, add the origin to CORS_ORIGINS.`,
  code: 'ORIGIN_NOT_ALLOWED',
});

export async function registerCors(app: FastifyInstance, origins: OriginCheck, logRefusal: LogRefusal): Promise<void> {
  // No cookie is ever looked at, so that `*` gives away nothing that a key does not open.
  const optionsOf = ({ headers: { origin }, raw, url }: FastifyRequest): FastifyCorsOptions => {
    // Its settings can hold a key, which is for its own page.
    if (origin === undefined || url.startsWith(PLAYGROUND_PATH) || !origins.allows(origin, raw)) return NONE;
    return { ...ALLOWED, origin: origins.allowsAny ? '*' : true };
  };
  app.addHook('onRequest', async ({ method, headers, raw }, reply) => {
    const { origin, 'access-control-request-method': asked } = headers;
    if (method !== 'OPTIONS' || origin === undefined || asked === undefined || origins.allows(origin, raw)) return;
    logRefusal('CORS_ORIGINS', origin);
    const { message, code } = originNotAllowed(origin);
    return reply.code(403).header('vary', 'Origin').send({ errors: [{ message, extensions: { code } }] });
  });
  await app.register(cors, { delegator: (request, callback) => callback(null, optionsOf(request)) });
}
