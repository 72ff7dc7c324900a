import { lookup } from 'node:dns/promises';
import { request } from 'node:http';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createHostCheck } from '../../src/http/host-check.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';

/** Not fetch, which writes the Host header itself. */
const statusOf = (url: string, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request(url, { headers: { host }, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    })
      .on('error', reject)
      .end();
  });

describe('the name that a request is sent to', () => {
  const local = shared(() => startGateway());

  test('is looked at without its port and in any case, and a star stands for one label', () => {
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

  test('has to be one of this machine with the sandbox on a loopback host, over HTTP and over the socket; health answers by any', async () => {
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

  test('is what the operator allows elsewhere', async () => {
    const { url } = await startGateway({ HOST: '0.0.0.0', ALLOWED_HOSTS: 'gateway.example.com' });
    expect(await statusOf(`${url}/graphql`, 'gateway.example.com')).toBe(401);
    expect(await statusOf(`${url}/graphql`, '127.0.0.1')).toBe(421);
  });

  test('every answer carries the headers that keep browsers from making more of it than it is', async () => {
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

test('HOST=localhost is one address, IPv4 where there is one, and no other', async () => {
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
