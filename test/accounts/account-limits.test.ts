/** Limits of an account, which apply to all of its keys together, and the retention of its data. */
import { request } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../src/db/connection/client.ts';
import { createAccountsStore } from '../../src/db/stores.ts';
import { createRetention } from '../../src/jobs/retain/delete-by-age.ts';
import { clientWith, makeAccount } from '../support/administrator.ts';
import { EXAMPLE, type TestClient } from '../support/client.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { createRestClient } from '../support/rest.ts';

interface Key {
  readonly id: string;
  readonly name: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

const createKey = async ({ request: ask }: TestClient, name: string, scopes: string, expiresAt: string | null = null) =>
  (
    await ask<{ createApiKey: { key: string; apiKey: Key } }>(
      `mutation ($name: String!, $expiresAt: DateTime) { createApiKey(input: { name: $name, scopes: [${scopes}], expiresAt: $expiresAt }) { key apiKey { id expiresAt } } }`,
      { name, expiresAt },
    )
  ).data.createApiKey;

const listKeys = async ({ request: ask }: TestClient, first: number) =>
  ask<{ viewer: { keys: Key[] | null } }>(
    'query ($first: Int!) { viewer { keys(first: $first) { id name revokedAt } } }',
    { first },
  );

const common = shared(() => startGateway({ UPSTREAM_MAX_IN_FLIGHT: '1' }));

test('submits are rate limited across all keys of an account and all instances, separately for each account', async () => {
  const settings = { SUBMITS_PER_MINUTE_PER_ACCOUNT: '3' };
  const gateway = await startGateway(settings);
  const second = await startGateway({ ...settings, DATABASE_URL: gateway.databaseUrl });
  const [one, two] = [
    await createKey(gateway.client, 'one', 'JOBS_WRITE'),
    await createKey(gateway.client, 'two', 'JOBS_WRITE'),
  ];
  await clientWith(gateway, one.key).generate();
  await clientWith(second, two.key).generate();
  await createRestClient({ url: gateway.url, apiKey: one.key }).take({ prompt: 'third' });
  const { errors } = await clientWith(second, two.key).request(
    'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }',
    { input: EXAMPLE },
  );
  expect(errors).toMatchObject([
    { extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) as number } },
  ]);
  expect(await createRestClient({ url: gateway.url, apiKey: one.key }).submit()).toMatchObject({
    status: 429,
    body: { error: { code: 'too_many_requests' } },
  });
  await (await makeAccount(gateway)).client.generate();
});

describe('keys', () => {
  test('are listed up to the requested number, active keys first', async () => {
    const { client } = await makeAccount(common());
    const ids = [];
    for (const name of ['a', 'b', 'c', 'd']) ids.push((await createKey(client, name, 'JOBS_READ')).apiKey.id);
    await client.request('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', { id: ids[3] });
    const names = async (first: number) => (await listKeys(client, first)).data.viewer.keys!.map(({ name }) => name);
    expect(await names(3)).toEqual(['c', 'b', 'a']);
    expect((await names(100)).at(-1)).toBe('d');
    for (const first of [0, 101])
      expect((await listKeys(client, first)).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('pass their full lifetime on to every successor when they are rotated', async () => {
    const { client } = common();
    const lifeMs = 10 * 86_400_000;
    const rotate = async (id: string) =>
      (
        await client.request<{ rotateApiKey: { apiKey: Key } }>(
          'mutation ($id: ID!) { rotateApiKey(input: { id: $id, overlapSeconds: 60 }) { apiKey { id expiresAt } } }',
          { id },
        )
      ).data.rotateApiKey.apiKey;
    const { apiKey } = await createKey(client, 'ten days', 'JOBS_READ', new Date(Date.now() + lifeMs).toISOString());
    const next = await rotate(apiKey.id);
    // Rotates the old key again while it is still valid: its own expiry has moved closer, but not that of its
    // successors.
    expect(Math.abs(Date.parse((await rotate(apiKey.id)).expiresAt!) - Date.now() - lifeMs)).toBeLessThan(60_000);
    expect(Math.abs(Date.parse(next.expiresAt!) - Date.now() - lifeMs)).toBeLessThan(60_000);
    const { id } = (await createKey(client, 'for ever', 'JOBS_READ')).apiKey;
    expect([(await rotate(id)).expiresAt, (await rotate(id)).expiresAt]).toEqual([null, null]);
  });

  test('expire in the year 9999 at the latest, even after a rotation', async () => {
    const { client } = common();
    const create = async (expiresAt: string) =>
      (
        await client.request<{ createApiKey: { apiKey: Key | null; userErrors: object[] } }>(
          `mutation ($expiresAt: DateTime) {
          createApiKey(input: { name: "late", scopes: [JOBS_READ], expiresAt: $expiresAt }) {
            apiKey { id expiresAt }
            userErrors { code field message }
          }
        }`,
          { expiresAt },
        )
      ).data.createApiKey;
    const error = {
      code: 'INVALID_FORMAT',
      field: ['input', 'expiresAt'],
      message: 'Times must be in the years 1 to 9999.',
    };
    expect(await create('9999-12-31T23:59:59-01:00')).toEqual({ apiKey: null, userErrors: [error] });
    const { apiKey } = await create('9999-12-31T23:59:59Z');
    let id = apiKey!.id;
    for (const rotation of [1, 2]) {
      const { data } = await client.request<{ rotateApiKey: { apiKey: Key } }>(
        'mutation ($id: ID!) { rotateApiKey(input: { id: $id }) { apiKey { id expiresAt } } }',
        { id },
      );
      expect(data.rotateApiKey.apiKey.expiresAt, `rotation ${rotation}`).toBe('9999-12-31T23:59:59.000Z');
      ({ id } = data.rotateApiKey.apiKey);
    }
  });

  test('with only the write scope can read the results of their own mutations and nothing else', async () => {
    const gateway = common();
    const writer = clientWith(gateway, (await createKey(gateway.client, 'writes', 'JOBS_WRITE')).key);
    await gateway.client.generate({ prompt: 'first' });
    const { id } = await gateway.client.generate({ idempotencyKey: 'one' });
    expect((await writer.generate({ idempotencyKey: 'one' })).id).toBe(id);
    const canceled = await writer.request<{ cancelMotionJob: { job: { id: string; prompt: string } } }>(
      'mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id prompt } } }',
      { id },
    );
    expect(canceled.data.cancelMotionJob.job.id).toBe(id);
    const readings = [
      'query ($id: ID!) { motionJob(id: $id) { id } }',
      'query ($id: ID!) { node(id: $id) { id } }',
      'query ($id: ID!) { motionJobs(filter: { ids: [$id] }) { nodes { id } } }',
      'query ($id: ID!) { webhookDeliveries(jobId: $id) { nodes { id } } }',
    ];
    for (const query of readings)
      expect(
        (await writer.request(query, { id })).errors?.map(({ extensions }) => extensions.code),
        query,
      ).toEqual(['FORBIDDEN']);
    // Fields of the job that require the read scope are forbidden as well.
    expect(
      (
        await writer.request(
          'mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id timeline { nodes { type } } } } }',
          { id },
        )
      ).errors?.map(({ extensions }) => extensions.code),
    ).toEqual(['FORBIDDEN']);
  });
});

test('retention deletes ended keys, account log entries and rate limit windows by age, and keeps live and exempt keys', async () => {
  const url = await createDatabase();
  const connections = createConnections(url, 2, () => undefined);
  onTestFinished(() => connections.pool.end());
  const store = createAccountsStore(connections);
  const sql = <Row extends object>(text: string) => asAdministrator<Row & Record<string, unknown>>(text, url);
  const key = (name: string, expires: string, revoked: string) =>
    `(gen_random_uuid(), 'default', '${name}', '${name}', 'last', '{jobs:read}', now() - interval '300 days', ${expires}, ${revoked})`;
  const ago = (days: number) => `now() - interval '${days} days'`;
  await sql(`insert into api_keys (id, account_id, name, hash, last_four, scopes, created_at, expires_at, revoked_at) values
    ${[key('live', 'null', 'null'), key('later', "now() + interval '1 day'", 'null'), key('revoked', 'null', ago(91)), key('lately', 'null', ago(89)), key('expired', ago(91), 'null'), key('spared', ago(91), ago(91)), key('revoked early', "now() + interval '1 day'", ago(91))].join()}`);
  await sql(
    `insert into account_log (account_id, actor, action, at) values ('default', 'a', 'old', ${ago(401)}), ('default', 'a', 'new', ${ago(399)})`,
  );
  await sql(
    `insert into rate_windows (subject, started_at, count) values ('old', ${ago(8)}, 1), ('new', ${ago(1)}, 1)`,
  );
  const kinds = [
    {
      kind: 'ended keys',
      days: 90,
      deleteByAge: (days: number, limit: number) => store.deleteEndedKeysByAge(days, limit, ['spared']),
    },
    { kind: 'changes', days: 400, deleteByAge: store.deleteChangesByAge },
    { kind: 'windows', days: 7, deleteByAge: store.deleteWindowsByAge },
  ];
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  await createRetention(kinds, log).runOnce(new AbortController().signal);
  expect(
    (await sql<{ name: string }>(`select name from api_keys where name <> 'proof' order by name`)).map(
      ({ name }) => name,
    ),
  ).toEqual(['lately', 'later', 'live', 'spared']);
  expect(await sql(`select action from account_log where account_id = 'default' and actor = 'a'`)).toEqual([
    { action: 'new' },
  ]);
  expect(await sql('select subject from rate_windows')).toEqual([{ subject: 'new' }]);
});

test('a running gateway deletes old rate limit windows', async () => {
  const databaseUrl = await createDatabase();
  await asAdministrator(
    `insert into rate_windows (subject, started_at, count) values ('old', now() - interval '8 days', 1)`,
    databaseUrl,
  );
  await startGateway({ DATABASE_URL: databaseUrl });
  await expect.poll(() => asAdministrator(`select 1 from rate_windows where subject = 'old'`, databaseUrl)).toEqual([]);
});

test('the sandbox rejects requests whose Host header does not name the local machine', async () => {
  const { sandboxUrl } = common();
  const ask = (host: string) =>
    new Promise<number>((resolve, reject) => {
      request(sandboxUrl!, { headers: { host } }, (response) => resolve(response.resume().statusCode!))
        .on('error', reject)
        .end();
    });
  const { host, port } = new URL(sandboxUrl!);
  expect([
    await ask(host),
    await ask(`localhost:${port}`),
    await ask('evil.example.com'),
    await ask(`127.0.0.1.evil.example.com:${port}`),
  ]).toEqual([200, 200, 421, 421]);
});
