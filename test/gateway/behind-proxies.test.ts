/** A gateway behind real reverse proxies: with a path prefix, a rewritten Host header, TLS and WebSocket. */
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { createClient as createSocketClient } from 'graphql-ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import { EXAMPLE } from '../support/client.ts';
import { startGateway } from '../support/gateway.ts';
import { nginxPath, startNginx, startVite } from '../support/reverse-proxies.ts';
import { SEED_BODY } from '../support/rest.ts';
import { upgrade } from '../support/upgrade.ts';

if (nginxPath === undefined) console.log('Skipped: no nginx found. Set NGINX_PATH to run the gateway behind it.');

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends a request without `fetch`, which does not trust our self-signed certificate. */
function send(
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const request = url.startsWith('https:') ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    request(url, { method, headers, agent: false, rejectUnauthorized: false }, (response) => {
      text(response).then((read) => resolve({ status: response.statusCode!, body: read }), reject);
    })
      .on('error', reject)
      .end(body);
  });
}

interface Front {
  /** URL at which clients reach the gateway. */
  readonly url: string;
  readonly apiKey: string;
}

/** Runs a query, a mutation and a subscription as a page of the proxy's own origin does. */
async function useAsPage({ url, apiKey }: Front): Promise<void> {
  const { origin } = new URL(url);
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}`, origin };
  const run = async <T>(query: string, variables: object = {}): Promise<T> => {
    const { status, body } = await send(`${url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables }),
    });
    expect(status, body).toBe(200);
    return (JSON.parse(body) as { data: T }).data;
  };
  expect(await run('{ __typename }')).toEqual({ __typename: 'Query' });
  expect(await send(`${url}/graphql?query=%7B__typename%7D`, { headers })).toMatchObject({
    status: 200,
    body: expect.stringContaining('Query') as string,
  });
  const { generateMotion } = await run<{ generateMotion: { job: { id: string } } }>(
    'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }',
    { input: EXAMPLE },
  );

  class PageSocket extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { origin, rejectUnauthorized: false });
    }
  }
  const client = createSocketClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: PageSocket,
    connectionParams: { Authorization: `Bearer ${apiKey}` },
    retryAttempts: 0,
  });
  onTestFinished(() => void client.dispose());
  const states: string[] = [];
  const updates = client.iterate<{ jobUpdated: { state: string } }>({
    query: 'subscription ($id: ID!) { jobUpdated(id: $id) { state } }',
    variables: { id: generateMotion.job.id },
  });
  for await (const { data } of updates) states.push(data!.jobUpdated.state);
  expect(states.at(-1)).toBe('SUCCEEDED');
  await client.dispose();
}

/**
 * Loads the page and everything that it links to, at a path to which a proxy has added a prefix. Resolves with the key
 * that the page gets.
 */
async function loadPlayground(page: string): Promise<unknown> {
  const { status, body } = await send(page);
  expect(status).toBe(200);
  const links = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => new URL(link!, page).href);
  expect(links.length).toBeGreaterThan(1);
  for (const link of links) expect((await send(link)).status, link).toBe(200);
  const settings = new URL('config.json', page.endsWith('/') ? page : `${page}/`).href;
  const answer = JSON.parse((await send(settings)).body) as { apiKey: unknown };
  expect(answer).toMatchObject({ graphqlPath: '/graphql', sandbox: true });
  return answer.apiKey;
}

const handshake = (url: string, options: ClientOptions) => upgrade(url, { rejectUnauthorized: false, ...options });

describe.skipIf(nginxPath === undefined)('behind nginx', () => {
  // Replaces the default, which allows pages of this machine: only the headers of the proxy make its origin our own.
  const settings = { TRUST_PROXY: '127.0.0.1', CORS_ORIGINS: 'https://nobody.example.com' };

  test('pages of its origin query, mutate and subscribe, with a prefix that nginx strips and with TLS', async () => {
    const gateway = await startGateway(settings);
    const { prefixUrl, tlsUrl } = await startNginx(gateway.url);
    for (const url of [prefixUrl, tlsUrl]) {
      await useAsPage({ url, apiKey: gateway.apiKey });
      expect((await handshake(url, { origin: 'https://evil.example.com' })).status, url).toBe(403);
      expect(
        (await handshake(url, { origin: new URL(url).origin.replace('127.0.0.1', 'localhost') })).status,
        url,
      ).toBe(403);
      for (const path of ['/graphql/', '/kling/motion/', '/kling/motion']) {
        const body = path.startsWith('/graphql') ? { query: '{ __typename }' } : { ...SEED_BODY, async: true };
        expect(
          (
            await send(`${url}${path}`, {
              method: 'POST',
              headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.apiKey}` },
              body: JSON.stringify(body),
            })
          ).status,
          path,
        ).toBe(200);
      }
      const { servers } = JSON.parse((await send(`${url}/openapi.json`)).body) as { servers: { url: string }[] };
      expect(servers.map((server) => new URL(server.url, `${url}/openapi.json`).href)).toEqual([`${url}/`]);
      // A client of the proxy may be on any machine, so the playground gets no key.
      for (const path of ['/playground', '/playground/']) expect(await loadPlayground(`${url}${path}`)).toBeNull();
    }
  });

  test('its origin is rejected if the proxy is not trusted', async () => {
    const gateway = await startGateway({ ...settings, TRUST_PROXY: '192.0.2.1' });
    const { prefixUrl, tlsUrl } = await startNginx(gateway.url);
    for (const url of [prefixUrl, tlsUrl]) {
      const { status, body } = await handshake(url, { origin: new URL(url).origin });
      expect([status, body], url).toEqual([403, expect.stringContaining('CORS_ORIGINS')]);
    }
  });

  test('a forged header of a client does not get another origin accepted', async () => {
    const gateway = await startGateway(settings);
    const { prefixUrl } = await startNginx(gateway.url);
    const forged = {
      'x-forwarded-host': 'evil.example.com',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
    };
    expect((await handshake(prefixUrl, { origin: 'https://evil.example.com', headers: forged })).status).toBe(403);
  });
});

describe("behind Vite's development proxy", () => {
  test('with changeOrigin and ws, a page of the development server queries, mutates and subscribes', async () => {
    const gateway = await startGateway();
    const url = await startVite(gateway.url);
    await useAsPage({ url, apiKey: gateway.apiKey });
    await useAsPage({ url: `${url}/motion`, apiKey: gateway.apiKey });
    await loadPlayground(`${url}/motion/playground`);
    expect((await handshake(url, { origin: 'https://evil.example.com' })).status).toBe(403);
  });

  test('with a paid upstream, the rejection of its origin names the setting that allows it', async () => {
    const paid = { UPSTREAM: 'acedata', ACEDATA_API_TOKEN: 'token', ACEDATA_BASE_URL: 'http://127.0.0.1:1' };
    const closed = await startGateway(paid);
    const url = await startVite(closed.url);
    const { origin } = new URL(url);
    expect(await handshake(url, { origin })).toMatchObject({
      status: 403,
      body: expect.stringContaining('CORS_ORIGINS') as string,
    });
    const open = await startGateway({ ...paid, CORS_ORIGINS: `${origin}/` });
    const opened = await startVite(open.url);
    expect((await handshake(opened, { origin })).status).toBe(101);
  });
});
