/** Edge cases of keys, quotas, usage queries and client tokens. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createAuthenticate } from '../../src/accounts/authenticate.ts';
import { createClientTokens } from '../../src/accounts/client-token.ts';
import { createConnections } from '../../src/db/connection/client.ts';
import { createAccountsStore } from '../../src/db/stores.ts';
import { giveKey } from '../../verification/harness/ordinary-key.ts';
import { clientWith, makeAccount, type MadeAccount } from '../support/administrator.ts';
import { EXAMPLE } from '../support/client.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';

const common = shared(() => startGateway({ MAX_KEYS_PER_ACCOUNT: '2', SANDBOX_SECONDS: '60' }));

describe('keys', () => {
  test('cannot exceed the limit by rotation, but at the limit can still be replaced without an overlap', async () => {
    const gateway = common();
    const account = await makeAccount(gateway);
    const first = (await account.client.request<{ viewer: { keys: { id: string }[] } }>('{ viewer { keys { id } } }'))
      .data.viewer.keys[0]!.id;
    const rotate = async ({ client }: Pick<MadeAccount, 'client'>, id: string, overlapSeconds: number) =>
      (
        await client.request<{
          rotateApiKey: {
            key: string | null;
            apiKey: { id: string } | null;
            userErrors: { code: string; field: string[] }[];
          };
        }>(
          'mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { key apiKey { id } userErrors { code field } } }',
          { input: { id, overlapSeconds } },
        )
      ).data.rotateApiKey;
    const second = await rotate(account, first, 3_600);
    expect(second.userErrors).toEqual([]);
    expect(await rotate(account, first, 3_600)).toEqual({
      key: null,
      apiKey: null,
      userErrors: [{ code: 'TOO_MANY', field: ['input', 'overlapSeconds'] }],
    });
    const third = await rotate(account, second.apiKey!.id, 0);
    expect(third.userErrors).toEqual([]);
    // The refused rotation has not ended the first key.
    expect((await account.client.request('{ viewer { account { id } } }')).status).toBe(200);
    expect((await clientWith(gateway, second.key!).request('{ viewer { account { id } } }')).status).toBe(401);
  });
});

test("a key's time of last use is written again after 60 s, and not before", async () => {
  const url = await createDatabase();
  const connections = createConnections(url, 2, () => undefined);
  onTestFinished(() => connections.pool.end());
  const store = createAccountsStore(connections);
  const key = await giveKey(url);
  let now = 0;
  const writes: string[] = [];
  const noteUse = async (keyId: string): Promise<void> => {
    await store.noteUse(keyId);
    writes.push(keyId);
  };
  const tokens = createClientTokens(['a secret of at least 32 characters']);
  const authenticate = createAuthenticate({
    store: { ...store, noteUse },
    tokens,
    administratorKey: 'administrator',
    admitsAnonymous: false,
    unknownKeysPerMinute: 60,
    nowMs: () => now,
  });
  const use = () => authenticate(`Bearer ${key}`, undefined, '127.0.0.1');
  const lastUse = async () =>
    (await asAdministrator<{ at: Date }>('select last_used_at as at from api_keys', url))[0]!.at;
  await use();
  await expect.poll(() => writes.length).toBe(1);
  const first = await lastUse();
  now = 59_999;
  await use();
  expect(writes).toHaveLength(1);
  now = 60_000;
  await use();
  await expect.poll(() => writes.length).toBe(2);
  expect((await lastUse()).getTime()).toBeGreaterThan(first.getTime());
});

describe('a monthly quota', () => {
  test('does not reset for a transaction that began in the previous month', async () => {
    const gateway = common();
    const account = await makeAccount(gateway, { monthlyLimit: 2 });
    // For a row that is a month ahead, every current transaction began in the previous month.
    const ahead = `(date_trunc('month', now() at time zone 'UTC') + interval '1 month')::date`;
    await asAdministrator(
      `update accounts set month = ${ahead}, month_taken = 1 where id = '${account.id}'`,
      gateway.databaseUrl,
    );
    const submit = async () =>
      (
        await account.client.request<{ generateMotion: { userErrors: object[] } }>(
          'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { userErrors { code } } }',
          { input: EXAMPLE },
        )
      ).data.generateMotion.userErrors;
    expect(await submit()).toEqual([]);
    expect(await submit()).toEqual([{ code: 'QUOTA_EXHAUSTED' }]);
    expect(
      await asAdministrator(
        `select month = ${ahead} as "isAhead", month_taken as taken from accounts where id = '${account.id}'`,
        gateway.databaseUrl,
      ),
    ).toEqual([{ isAhead: true, taken: 2 }]);
    expect(
      await asAdministrator(
        `select month = ${ahead} as "isAhead" from quota_ledger where account_id = '${account.id}'`,
        gateway.databaseUrl,
      ),
    ).toEqual([{ isAhead: true }]);
  });
});

test.each([
  ['0000-12-01T00:00:00Z', '0001-01-02T00:00:00Z'],
  ['9999-12-31T00:00:00Z', '9999-12-31T23:59:59-01:00'],
  ['9999-12-31T23:59:58-01:00', '9999-12-31T23:59:59-01:00'],
])('a usage query from %s to %s is rejected, because it contains a year out of range', async (from, to) => {
  const gateway = common();
  const query = 'query ($from: DateTime!, $to: DateTime!) { viewer { usage(from: $from, to: $to) { key } } }';
  const { errors } = await gateway.client.request(query, { from, to });
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
});

describe('a client token', () => {
  test('is valid immediately on an instance whose clock is 25 s behind', async () => {
    const tokens = createClientTokens(['a secret of at least 32 characters...']);
    vi.useFakeTimers({ now: 1_000_000_000_000, toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { token, expiresAt } = await tokens.sign(
      { accountId: 'a', keyId: 'k', scopes: ['jobs:read'], jobIds: null, epoch: 0 },
      3_600,
    );
    vi.setSystemTime(1_000_000_000_000 - 25_000);
    expect(await tokens.verify(token)).toMatchObject({ expiresAt });
    vi.setSystemTime(expiresAt.getTime() - 1_000);
    expect(await tokens.verify(token)).not.toBeNull();
    vi.setSystemTime(expiresAt);
    expect(await tokens.verify(token)).toBeNull();
  });

  test('that is limited to certain jobs gets no cursor of the account', async () => {
    const gateway = common();
    const { id } = await gateway.client.generate();
    const { data } = await gateway.client.request<{ createClientToken: { token: string } }>(
      'mutation ($id: ID!) { createClientToken(input: { scopes: [JOBS_READ], jobIds: [$id] }) { token } }',
      { id },
    );
    const list = '{ motionJobs { updatesCursor nodes { id } } }';
    expect((await clientWith(gateway, data.createClientToken.token).request(list)).data).toEqual({
      motionJobs: { updatesCursor: null, nodes: [{ id }] },
    });
    expect((await gateway.client.request(list)).data).toEqual({
      motionJobs: { updatesCursor: expect.any(String) as string, nodes: [{ id }] },
    });
  });
});
