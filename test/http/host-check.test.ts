import { lookup } from 'node:dns/promises';
import { request } from 'node:http';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createHostCheck } from '../../src/http/host-check.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';

/** Returns the status of a request with this Host header. Does not use fetch, which sets the header itself. */
const statusOf = (url: string, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request(url, { headers: { host }, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    })
      .on('error', reject)
      .end();
  });

describe('a request', () => {
  const local = shared(() => startGateway());

  test('is checked by its host name, without the port and case-insensitively; a wildcard matches exactly one label', () => {
    const isOurs = createHostCheck(['Gateway.example.com', '*.example.org', '[::1]', '127.0.0.1']);
    for (const host of [
      'gateway.example.com',
      'GATEWAY.example.com:4000',
      'a.example.org',
      '[::1]:4000',
      '127.0.0.1:80',
    ])
      expect(isOurs(host), host).toBe(true);
    for (const host of [
      undefined,
      '',
      'example.com',
      'evil-gateway.example.com',
      'gateway.example.com.evil.com',
      'example.org',
      'a.b.example.org',
      'a b',
      '127.0.0.2',
      'gateway.example.com@evil.com',
    ])
      expect(isOurs(host), String(host)).toBe(false);
    expect(createHostCheck(null)(undefined)).toBe(true);
  });

  test('must name a loopback host if the gateway uses the sandbox on one, over HTTP and on a socket, except for health checks', async () => {
    const { url } = local();
    const { port } = new URL(url);
    expect(await statusOf(`${url}/playground/config.json`, `localhost:${port}`)).toBe(200);
    expect(await statusOf(`${url}/playground/config.json`, `rebinding.example:${port}`)).toBe(421);
    expect(await statusOf(`${url}/graphql`, 'rebinding.example')).toBe(421);
    expect(await statusOf(`${url}/livez`, '10.0.0.7')).toBe(200);
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      headers: { host: 'rebinding.example' },
    });
    expect(((await once(socket, 'error')) as [Error])[0].message).toContain('421');
  });

  test('must name one of the ALLOWED_HOSTS if they are set', async () => {
    const { url } = await startGateway({ HOST: '0.0.0.0', ALLOWED_HOSTS: 'gateway.example.com' });
    expect(await statusOf(`${url}/graphql`, 'gateway.example.com')).toBe(401);
    expect(await statusOf(`${url}/graphql`, '127.0.0.1')).toBe(421);
  });

  test('gets the security headers for browsers in every response', async () => {
    const { url } = local();
    const { headers } = await fetch(`${url}/livez`);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringContaining("default-src 'none'") as string,
    });
    expect(headers.get('set-cookie')).toBeNull();
    expect((await fetch(`${url}/playground`)).headers.get('content-security-policy')).toContain("script-src 'self'");
  });
});

test('HOST=localhost listens on exactly one address, which is IPv4 if there is one', async () => {
  const { url } = await startGateway({ HOST: 'localhost' });
  const { port } = new URL(url);
  const addresses = (await lookup('localhost', { all: true }))
    .sort((one, other) => one.family - other.family)
    .map(({ address, family }) => (family === 4 ? address : `[${address}]`));
  const answers = await Promise.all(
    addresses.map((address) =>
      statusOf(`http://${address}:${port}/livez`, 'localhost').catch((error: { code?: string }) => error.code),
    ),
  );
  expect(answers).toEqual([200, ...addresses.slice(1).map(() => 'ECONNREFUSED')]);
});
