/** The rate limit on unknown keys: the lookups that it saves and the clients that it rejects. */
import { expect, test } from 'vitest';
import { makeApiKey } from '../../src/accounts/api-key.ts';
import { createFindKnown } from '../../src/accounts/unknown-keys.ts';
import { makeAccount } from '../support/administrator.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { createRestClient } from '../support/rest.ts';
import { openSocket } from '../support/socket.ts';

const ask = async ({ url }: TestGateway, key: string) => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: '{"query":"{ __typename }"}',
  });
  return {
    status: response.status,
    retryAfter: Number(response.headers.get('retry-after')),
    body: (await response.json()) as object,
  };
};

test('too many unknown keys from an address are rejected over every transport, and keys that were valid before are not', async () => {
  const gateway = await startGateway({ UNKNOWN_KEYS_PER_MINUTE: '3' });
  const [seen, unseen] = [await makeAccount(gateway), await makeAccount(gateway)];
  await ask(gateway, seen.key);
  // Text that cannot be a key is not looked up and does not count.
  for (let count = 0; count < 5; count += 1) expect((await ask(gateway, 'mg_nonsense')).status).toBe(401);
  for (let count = 0; count < 3; count += 1) expect((await ask(gateway, makeApiKey())).status).toBe(401);
  const over = await ask(gateway, makeApiKey());
  expect(over).toMatchObject({
    status: 429,
    body: { errors: [{ extensions: { code: 'RATE_LIMITED', retryAfterSeconds: over.retryAfter } }] },
  });
  expect(over.retryAfter).toBeGreaterThan(0);
  expect((await ask(gateway, unseen.key)).status).toBe(429);
  expect(await createRestClient({ url: gateway.url, apiKey: makeApiKey() }).submit()).toMatchObject({
    status: 429,
    body: { error: { code: 'too_many_requests' } },
  });
  const socket = await openSocket(gateway, { init: false });
  socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${makeApiKey()}` } });
  expect(await socket.closed).toBe(1013);
  expect((await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${makeApiKey()}` } })).status).toBe(
    429,
  );

  expect((await ask(gateway, seen.key)).status).toBe(200);
  expect((await ask(gateway, gateway.administratorKey)).status).toBe(200);
  await openSocket({ url: gateway.url, apiKey: seen.key });
});

test('unknown keys from an address over the limit are no longer looked up, those from another address are, and a valid key that has ended counts as unknown', async () => {
  const asked: string[] = [];
  const live = new Set(['good']);
  const find = createFindKnown(async (hash) => {
    asked.push(hash);
    return live.has(hash) ? hash : null;
  }, 2);
  expect(await find('good', 'a')).toBe('good');
  expect([await find('x', 'a'), await find('y', 'a')]).toEqual([null, null]);
  await expect(find('z', 'a')).rejects.toThrow('too many unknown keys from this address');
  expect([await find('z', 'b'), await find('good', 'a')]).toEqual([null, 'good']);
  live.clear();
  expect(await find('good', 'a')).toBeNull();
  await expect(find('good', 'a')).rejects.toThrow('too many unknown keys from this address');
  expect(asked).toEqual(['good', 'x', 'y', 'z', 'good', 'good']);
});
