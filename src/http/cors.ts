/** CORS, with the same rules as for sockets. The response to a refused preflight names the setting that decides. */
import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OriginCheck } from './origin-check.ts';
import { PLAYGROUND_PATH } from './playground.ts';
import { shorten, type LogRefusal } from './refusal-log.ts';

const EXPOSED_HEADERS = ['x-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after'];
const ALLOWED: FastifyCorsOptions = {
  methods: ['GET', 'POST'],
  maxAge: 600,
  exposedHeaders: EXPOSED_HEADERS,
  strictPreflight: false,
};
const NONE: FastifyCorsOptions = { origin: false };

/** Returns the error for a browser origin that is not allowed, over HTTP and at the handshake of a socket. */
export const originNotAllowed = (origin: string) => ({
  message: `Pages from "${shorten(origin)}" may not call this server. If they should, add the origin to CORS_ORIGINS.`,
  code: 'ORIGIN_NOT_ALLOWED',
});

/** Returns true if pages of the request's origin may read the response. `path` is the path of the route. */
function mayRead(origins: OriginCheck, request: IncomingMessage, path: string): boolean {
  const { origin } = request.headers;
  // The settings of the playground can contain a key, which only its own page may read.
  return origin !== undefined && !path.startsWith(PLAYGROUND_PATH) && origins.allows(origin, request);
}

/** Returns the headers of a response that does not pass through Fastify, by the same rules. */
export function corsHeadersOf(
  origins: OriginCheck,
  request: IncomingMessage,
  path: string,
): Readonly<Record<string, string>> {
  if (!mayRead(origins, request, path)) return {};
  const exposed = { 'access-control-expose-headers': EXPOSED_HEADERS.join(', ') };
  return origins.allowsAny
    ? { ...exposed, 'access-control-allow-origin': '*' }
    : { ...exposed, 'access-control-allow-origin': request.headers.origin!, vary: 'Origin' };
}

export async function registerCors(app: FastifyInstance, origins: OriginCheck, logRefusal: LogRefusal): Promise<void> {
  // Cookies are never read, so `*` exposes nothing that does not require a key.
  const optionsOf = ({ raw, routeOptions }: FastifyRequest): FastifyCorsOptions =>
    mayRead(origins, raw, routeOptions.url ?? '') ? { ...ALLOWED, origin: origins.allowsAny ? '*' : true } : NONE;
  app.addHook('onRequest', async ({ method, headers, raw }, reply) => {
    const { origin, 'access-control-request-method': asked } = headers;
    if (method !== 'OPTIONS' || origin === undefined || asked === undefined || origins.allows(origin, raw)) return;
    logRefusal('CORS_ORIGINS', origin);
    const { message, code } = originNotAllowed(origin);
    return reply
      .code(403)
      .header('vary', 'Origin')
      .send({ errors: [{ message, extensions: { code } }] });
  });
  await app.register(cors, { delegator: (request, callback) => callback(null, optionsOf(request)) });
}
