/** The address or network by which rate limits per address count. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { networkOf } from '../../src/network/client-address.ts';
import { asAdministratorOf } from '../support/administrator.ts';
import { startGateway } from '../support/gateway.ts';
import { openSocket } from '../support/socket.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::9', '2001:db8:1:3::/64'],
  ['fe80::1%eth0', 'fe80::/64'],
  ['::1', '::/64'],
  ['', ''],
  ['unix', 'unix'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test('all addresses of an IPv6 network share the limits of one address', async () => {
  const gateway = await startGateway({
    REGISTRATION: 'open',
    REGISTRATIONS_PER_HOUR: '1',
    REQUESTS_PER_MINUTE: '2',
    MAX_SOCKETS_PER_ADDRESS: '1',
    TRUST_PROXY: '127.0.0.1',
  });
  const from = (address: string) => ({ 'content-type': 'application/json', 'x-forwarded-for': address });
  const apply = async (address: string) => {
    const query = 'mutation { acquireAccess(input: { name: "Somebody", email: "some@body.example" }) { key } }';
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: from(address),
      body: JSON.stringify({ query }),
    });
    const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
    return [response.status, errors?.[0]?.extensions.code];
  };
  expect(await apply('2001:db8:1:2::1')).toEqual([200, undefined]);
  expect(await apply('2001:db8:1:2::2')).toEqual([200, 'RATE_LIMITED']);
  expect(await apply('2001:db8:1:2::3')).toEqual([429, 'RATE_LIMITED']);
  expect(await apply('2001:db8:1:3::1')).toEqual([200, undefined]);

  await openSocket(gateway, { headers: { 'x-forwarded-for': '2001:db8:1:2::1' } });
  const refused = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    headers: { 'x-forwarded-for': '2001:db8:1:2::2' },
  });
  expect(((await once(refused, 'error')) as [Error])[0].message).toContain('429');
});

test('ports that a proxy forwards with addresses, also in front of another proxy, do not make each connection a separate address', async () => {
  const limits = { REQUESTS_PER_MINUTE: '2', MAX_SOCKETS_PER_ADDRESS: '1' };
  const gateway = await startGateway({ ...limits, REGISTRATION: 'open', TRUST_PROXY: '127.0.0.1, 10.0.0.5' });
  const from = (address: string) => ({ 'content-type': 'application/json', 'x-forwarded-for': address });
  const ask = async (address: string) =>
    (
      await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: from(address),
        body: '{"query":"{__typename}"}',
      })
    ).status;
  for (const [first, second, third] of [
    ['203.0.113.7:51234', '203.0.113.7:51235', '203.0.113.7'],
    ['203.0.113.8:1, 10.0.0.5:4711', '203.0.113.8:2, 10.0.0.5:4712', '203.0.113.8, 10.0.0.5'],
    ['[2001:db8::1]:4711', '[2001:db8::2]:4712', '2001:db8::3'],
  ] as const) {
    expect([await ask(first), await ask(second), await ask(third)]).toEqual([200, 200, 429]);
  }

  await openSocket(gateway, { headers: { 'x-forwarded-for': '203.0.113.9:51234, 10.0.0.5:4711' } });
  const refused = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    headers: { 'x-forwarded-for': '203.0.113.9:51235, 10.0.0.5:4712' },
  });
  expect(((await once(refused, 'error')) as [Error])[0].message).toContain('429');
});

test('anonymous clients behind the address of an administrator do not use up its requests', async () => {
  const gateway = await startGateway({ REGISTRATION: 'open', REQUESTS_PER_MINUTE: '1' });
  const strangers = [1, 2].map(() =>
    fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{__typename}"}',
    }).then(({ status }) => status),
  );
  expect((await Promise.all(strangers)).sort()).toEqual([200, 429]);
  expect((await asAdministratorOf(gateway).request('{ accounts { nodes { id } } }')).status).toBe(200);
});
