import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { projectRoot } from '../project-root.ts';
import type { ProxyCheck } from './proxied.ts';

export const PLAYGROUND_PATH = '/playground';

export interface PlaygroundOptions {
  /** Path from the gateway's root, which is the URL of the page without `/playground`. */
  readonly graphqlPath: string;
  readonly sandbox: boolean;
  /** Key that the page may fill in automatically; set only with the sandbox and a loopback `HOST`. */
  readonly openKey: string | null;
  readonly cameByProxy: ProxyCheck;
}

const builtFolder = new URL('dist/playground/', projectRoot);

// The editor inserts style elements, so styles alone need 'unsafe-inline'. Some of its fonts and icons are data URLs.
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Returns true only if the request certainly comes from a page that this server sent to a browser on this machine. A
 * page of another site whose own name resolves to our address (DNS rebinding) still sends that name as its host.
 */
function isOwnPage(app: FastifyInstance, request: FastifyRequest, cameByProxy: ProxyCheck): boolean {
  const address = app.server.address();
  if (address === null || typeof address === 'string') return false;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  // A proxy may send our own address as the host for any browser, as nginx does by default.
  if (cameByProxy(request.raw)) return false;
  // Not `request.host`: behind a trusted proxy, it is the value of a forwarded header.
  return ['localhost', '127.0.0.1', '[::1]'].some((name) => request.headers.host === `${name}:${address.port}`);
}

/**
 * Returns the page with paths that fit the URL. They are relative, so that the page works below any prefix that a proxy
 * strips, with or without a trailing slash.
 */
const pageAt = (page: string, url: string): string =>
  url.split('?')[0]!.endsWith('/') ? page : page.replace(/(src|href)="\.\//g, '$1="./playground/');

/**
 * Serves the playground at /playground: GraphiQL as built by vite, and the settings that the page starts with. Relies
 * on `app` to ignore trailing slashes.
 */
export async function registerPlayground(app: FastifyInstance, options: PlaygroundOptions): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      reply.headers({
        'content-security-policy': contentSecurityPolicy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
    });

    await scope.register(fastifyStatic, {
      root: fileURLToPath(new URL('assets', builtFolder)),
      prefix: `${PLAYGROUND_PATH}/assets/`,
      index: false,
      immutable: true,
      maxAge: '365d',
      decorateReply: false,
    });

    scope.get(PLAYGROUND_PATH, async (request, reply) => {
      reply.header('cache-control', 'no-store');
      const page = await readFile(new URL('index.html', builtFolder), 'utf8').catch(() => null);
      if (page !== null) return reply.type('text/html; charset=utf-8').send(pageAt(page, request.url));
      return reply
        .code(503)
        .type('text/plain; charset=utf-8')
        .send('The playground is not built yet: run `npm run build`, then reload.\n');
    });

    scope.get(`${PLAYGROUND_PATH}/config.json`, async (request, reply) => {
      reply.header('cache-control', 'no-store');
      const apiKey = options.openKey !== null && isOwnPage(app, request, options.cameByProxy) ? options.openKey : null;
      return { graphqlPath: options.graphqlPath, apiKey, sandbox: options.sandbox };
    });
  });
}
