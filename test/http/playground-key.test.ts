import { request, type IncomingHttpHeaders } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { createProxyCheck } from '../../src/http/proxied.ts';
import { registerPlayground, type PlaygroundOptions } from '../../src/http/playground.ts';

const KEY = 'key-of-this-machine';

let app: FastifyInstance;
let port: number;

async function start(options: Partial<PlaygroundOptions> = {}): Promise<void> {
  app = Fastify({ trustProxy: true, routerOptions: { ignoreTrailingSlash: true } });
  await registerPlayground(app, {
    graphqlPath: '/graphql',
    sandbox: true,
    openKey: KEY,
    cameByProxy: createProxyCheck(null),
    ...options,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
}

// Does not use fetch, which sets the Host header itself.
function get(
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body }));
    });
    sent.on('error', reject).end();
  });
}

async function keyFor(host: string, headers: Record<string, string> = {}): Promise<unknown> {
  const { body } = await get('/playground/config.json', { host, ...headers });
  return (JSON.parse(body) as { apiKey: unknown }).apiKey;
}

afterEach(() => app.close());

describe('the key in the playground', () => {
  it.each(['localhost', '127.0.0.1', '[::1]'])('is filled in for a page opened at %s on our port', async (name) => {
    await start();
    expect(await keyFor(`${name}:${port}`)).toBe(KEY);
    expect(await keyFor(`${name}:${port}`, { 'sec-fetch-site': 'same-origin' })).toBe(KEY);
  });

  it.each([
    'rebinding.example',
    'localhost.rebinding.example',
    '127.0.0.1.rebinding.example',
    'rebinding-localhost',
    'user@localhost',
    '0.0.0.0',
    '127.0.0.2',
    '[::]',
  ])('is withheld from a page opened at %s', async (name) => {
    await start();
    expect(await keyFor(`${name}:${port}`)).toBeNull();
  });

  it('is withheld on another port and without a port', async () => {
    await start();
    expect(await keyFor(`localhost:${port + 1}`)).toBeNull();
    expect(await keyFor(`localhost:${port}0`)).toBeNull();
    expect(await keyFor('localhost')).toBeNull();
  });

  it('is withheld when only X-Forwarded-Host names localhost', async () => {
    await start();
    expect(await keyFor('rebinding.example', { 'x-forwarded-host': `localhost:${port}` })).toBeNull();
  });

  it.each(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'forwarded', 'via'])(
    'is withheld when %s shows that a proxy has set our address as the host',
    async (header) => {
      await start();
      expect(await keyFor(`127.0.0.1:${port}`, { [header]: '192.0.2.1' })).toBeNull();
      expect(await keyFor(`127.0.0.1:${port}`, { [header]: '192.0.2.1', 'sec-fetch-site': 'same-origin' })).toBeNull();
    },
  );

  it('is withheld from a trusted proxy, regardless of its headers', async () => {
    await start({ cameByProxy: createProxyCheck('127.0.0.1') });
    expect(await keyFor(`127.0.0.1:${port}`, { 'sec-fetch-site': 'same-origin' })).toBeNull();
  });

  it('is withheld over HTTP/1.0, which nginx speaks by default', async () => {
    await start();
    const socket = connect({ host: '127.0.0.1', port });
    socket.end(`GET /playground/config.json HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 [^]*"apiKey":null/);
  });

  it.each(['cross-site', 'same-site', 'none'])('is withheld from a request with Sec-Fetch-Site: %s', async (site) => {
    await start();
    expect(await keyFor(`localhost:${port}`, { 'sec-fetch-site': site })).toBeNull();
  });

  it('is withheld when the gateway has no key to fill in', async () => {
    await start({ openKey: null });
    expect(await keyFor(`localhost:${port}`)).toBeNull();
  });

  it('is withheld when the server does not listen on a port', async () => {
    await start();
    await app.close();
    app = Fastify();
    await registerPlayground(app, {
      graphqlPath: '/graphql',
      sandbox: true,
      openKey: KEY,
      cameByProxy: createProxyCheck(null),
    });
    const answer = await app.inject({ url: '/playground/config.json', headers: { host: `localhost:${port}` } });
    expect(answer.json()).toEqual({ graphqlPath: '/graphql', apiKey: null, sandbox: true });
  });

  it('is never cached, and its pages deny framing, foreign scripts and cross-origin reads', async () => {
    await start();
    for (const path of ['/playground', '/playground/', '/playground/config.json']) {
      const { headers } = await get(path, { host: `localhost:${port}` });
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self';");
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});
