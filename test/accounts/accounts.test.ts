/** Accounts, API keys and their scopes, and applications for access. */
import { describe, expect, test } from 'vitest';
import { asAdministratorOf, clientWith, makeAccount } from '../support/administrator.ts';
import type { TestClient } from '../support/client.ts';
import { asAdministrator } from '../support/database.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { openSocket, subscribe } from '../support/socket.ts';

const codesOf = (answer: { errors?: readonly { extensions: Record<string, unknown> }[] }) =>
  answer.errors?.map(({ extensions }) => extensions.code);

interface Issued {
  readonly key: string;
  readonly apiKey: { readonly id: string; readonly lastFour: string };
  readonly userErrors: readonly { readonly code: string }[];
}

const createKey = async (client: TestClient, input: object): Promise<Issued> =>
  (
    await client.request<{ createApiKey: Issued }>(
      'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id lastFour } userErrors { code } } }',
      { input },
    )
  ).data.createApiKey;

const revoke = (client: TestClient, id: string) =>
  client.request<{ revokeApiKey: { apiKey: object | null; userErrors: object[] } }>(
    'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { revokedAt } userErrors { code } } }',
    { id },
  );

const whoAmI = (client: TestClient) =>
  client.request<{ viewer: { account: { id: string } } }>('{ viewer { account { id } } }');

const common = shared(() => startGateway({ SOCKET_RECHECK_SECONDS: '0.2', FREE_QUOTA: '1' }));
/** A gateway for tests that count accounts or keys: no other test creates any on it. */
const counting = shared(() => startGateway({ REGISTRATION: 'closed', MAX_KEYS_PER_ACCOUNT: '3' }));

describe('an administrator', () => {
  test('creates, approves, limits and disables accounts, and every change is logged', async () => {
    const gateway = common();
    const administrator = asAdministratorOf(gateway);
    const { id, client } = await makeAccount(gateway, {
      name: 'Studio',
      email: 'Team@Example.com',
      quotaLimit: 3,
      monthlyLimit: 2,
    });
    const { data } = await client.request<{ viewer: object }>(
      '{ viewer { account { id name email status } quota { limit used reserved remaining monthlyLimit monthlyUsed } keys { name scopes } } }',
    );
    expect(data.viewer).toEqual({
      account: { id, name: 'Studio', email: 'team@example.com', status: 'ACTIVE' },
      quota: { limit: 3, used: 0, reserved: 0, remaining: 2, monthlyLimit: 2, monthlyUsed: 0 },
      keys: [{ name: 'first', scopes: ['JOBS_READ', 'JOBS_WRITE', 'ACCOUNT_ADMIN'] }],
    });

    const change = (mutation: string) =>
      administrator.request<Record<string, { account: object }>>(
        `mutation { done: ${mutation} { account { status quota { limit monthlyLimit } } userErrors { code } } }`,
      );
    expect((await change(`setQuota(input: { id: "${id}", quotaLimit: null })`)).data.done).toEqual({
      account: { status: 'ACTIVE', quota: { limit: null, monthlyLimit: 2 } },
      userErrors: [],
    });
    expect((await change(`disableAccount(input: { id: "${id}" })`)).data.done).toMatchObject({
      account: { status: 'DISABLED' },
    });
    expect((await whoAmI(client)).status).toBe(401);
    expect((await change(`approveAccount(input: { id: "${id}", quotaLimit: 7 })`)).data.done).toMatchObject({
      account: { status: 'ACTIVE', quota: { limit: 7 } },
    });
    expect((await whoAmI(client)).status).toBe(200);
    expect((await change('setQuota(input: { id: "nobody", quotaLimit: 1 })')).data.done).toEqual({
      account: null,
      userErrors: [{ code: 'NOT_FOUND' }],
    });
    expect((await change(`setQuota(input: { id: "${id}", quotaLimit: -1 })`)).data.done).toEqual({
      account: null,
      userErrors: [{ code: 'INVALID_FORMAT' }],
    });

    const log = await asAdministrator<{ actor: string; action: string }>(
      `select actor, action from account_log where account_id = '${id}' order by id`,
      gateway.databaseUrl,
    );
    expect(log.map(({ action }) => action)).toEqual([
      'created the account',
      'made a key',
      'set the quota',
      'disabled the account',
      'approved the account',
    ]);
    expect(new Set(log.map(({ actor }) => actor))).toEqual(new Set(['administrator']));
  });

  test("reads an account's jobs only by naming the account, which is logged, and cannot write any", async () => {
    const gateway = common();
    const { id, client } = await makeAccount(gateway);
    const job = await client.generate();
    const administrator = asAdministratorOf(gateway);
    const find = (headers: Record<string, string> = {}) =>
      administrator.request<{ motionJob: object | null }>(
        'query ($id: ID!) { motionJob(id: $id) { id } }',
        { id: job.id },
        headers,
      );
    expect(codesOf(await find())).toEqual(['FORBIDDEN']);
    expect((await find({ 'x-account-id': 'default' })).data.motionJob).toBeNull();
    expect((await find({ 'x-account-id': id })).data.motionJob).toEqual({ id: job.id });
    expect(
      codesOf(
        await administrator.request(
          'mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id } } }',
          { id: job.id },
          { 'x-account-id': id },
        ),
      ),
    ).toEqual(['FORBIDDEN']);
    expect(
      await asAdministrator(
        `select account_id as account, actor from account_log where action = 'acted for the account' order by id`,
        gateway.databaseUrl,
      ),
    ).toEqual([
      { account: 'default', actor: 'administrator' },
      { account: id, actor: 'administrator' },
      { account: id, actor: 'administrator' },
    ]);
  });

  test('lists accounts in pages', async () => {
    const gateway = counting();
    const made = [];
    for (let number = 0; number < 3; number += 1) made.unshift((await makeAccount(gateway)).id);
    const page = async (after: string | null) =>
      (
        await asAdministratorOf(gateway).request<{
          accounts: { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
        }>(
          'query ($after: String) { accounts(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }',
          { after },
        )
      ).data.accounts;
    const first = await page(null);
    const second = await page(first.pageInfo.endCursor);
    // Ids increase with time, except that of the default account, which sorts above all others.
    expect([...first.nodes, ...second.nodes].map(({ id }) => id)).toEqual(['default', ...made]);
    expect([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage]).toEqual([true, false]);
  });

  test('is the only caller that can manage accounts', async () => {
    const gateway = common();
    const operations = [
      '{ accounts { nodes { id } } }',
      '{ account(id: "default") { id } }',
      'mutation { createAccount(input: { name: "x" }) { key } }',
      'mutation { approveAccount(input: { id: "default" }) { account { id } } }',
      'mutation { disableAccount(input: { id: "default" }) { account { id } } }',
      'mutation { setQuota(input: { id: "default", quotaLimit: 1 }) { account { id } } }',
    ];
    for (const operation of operations)
      expect(codesOf(await gateway.client.request(operation)), operation).toEqual(['FORBIDDEN']);
  });
});

describe('a key', () => {
  test('permits only what its scopes allow', async () => {
    const gateway = common();
    const job = await gateway.client.generate();
    const reading = clientWith(
      gateway,
      (await createKey(gateway.client, { name: 'reads', scopes: ['JOBS_READ'] })).key,
    );
    expect(await reading.find(job.id)).toMatchObject({ id: job.id });
    for (const operation of [
      'mutation { generateMotion(input: { imageUrl: "https://example.com/a.png", videoUrl: "https://example.com/a.mp4" }) { job { id } } }',
      `mutation { cancelMotionJob(input: { id: "${job.id}" }) { job { id } } }`,
      `mutation { deleteMotionJob(input: { id: "${job.id}" }) { deletedId } }`,
      'mutation { createApiKey(input: { name: "x", scopes: [JOBS_READ] }) { key } }',
      'mutation { revokeClientTokens { account { id } } }',
      '{ viewer { keys { id } } }',
    ])
      expect(codesOf(await reading.request(operation)), operation).toEqual(['FORBIDDEN']);

    const writing = clientWith(
      gateway,
      (await createKey(gateway.client, { name: 'writes', scopes: ['JOBS_WRITE'] })).key,
    );
    await writing.generate();
    expect(codesOf(await writing.request('query ($id: ID!) { motionJob(id: $id) { id } }', { id: job.id }))).toEqual([
      'FORBIDDEN',
    ]);
    const socket = await openSocket({
      url: gateway.url,
      apiKey: (await createKey(gateway.client, { name: 'writes', scopes: ['JOBS_WRITE'] })).key,
    });
    socket.send(subscribe('a', 'subscription ($id: ID!) { jobUpdated(id: $id) { id } }', { id: job.id }));
    expect(await socket.next()).toMatchObject({
      id: 'a',
      payload: { errors: [{ extensions: { code: 'FORBIDDEN' } }] },
    });
  });

  test('is shown once, listed by its last four characters, and rejected once it is revoked', async () => {
    const gateway = common();
    const { key, apiKey } = await createKey(gateway.client, { name: 'one', scopes: ['JOBS_READ'] });
    expect(key.endsWith(apiKey.lastFour)).toBe(true);
    const client = clientWith(gateway, key);
    expect((await whoAmI(client)).status).toBe(200);
    // The time of last use is written concurrently with the request.
    await expect
      .poll(async () => {
        const { data } = await gateway.client.request<{
          viewer: { keys: { id: string; lastUsedAt: string | null }[] };
        }>('{ viewer { keys { id lastFour lastUsedAt } } }');
        return data.viewer.keys.find(({ id }) => id === apiKey.id)?.lastUsedAt;
      })
      .toEqual(expect.any(String));
    expect(JSON.stringify(await asAdministrator('select * from api_keys', gateway.databaseUrl))).not.toContain(key);

    expect((await revoke(gateway.client, apiKey.id)).data.revokeApiKey).toEqual({
      apiKey: { revokedAt: expect.any(String) as string },
      userErrors: [],
    });
    expect((await whoAmI(client)).status).toBe(401);
    expect((await revoke(gateway.client, apiKey.id)).data.revokeApiKey).toEqual({
      apiKey: null,
      userErrors: [{ code: 'NOT_FOUND' }],
    });
    expect((await revoke(gateway.client, 'nonsense')).data.revokeApiKey.userErrors).toEqual([{ code: 'NOT_FOUND' }]);
  });

  test('of another account can neither be revoked nor rotated', async () => {
    const gateway = common();
    const other = await makeAccount(gateway);
    const { apiKey } = await createKey(gateway.client, { name: 'mine', scopes: ['JOBS_READ'] });
    expect((await revoke(other.client, apiKey.id)).data.revokeApiKey.userErrors).toEqual([{ code: 'NOT_FOUND' }]);
    const rotated = await other.client.request<{ rotateApiKey: Issued }>(
      'mutation ($id: ID!) { rotateApiKey(input: { id: $id }) { key userErrors { code } } }',
      { id: apiKey.id },
    );
    expect(rotated.data.rotateApiKey).toEqual({ key: null, userErrors: [{ code: 'NOT_FOUND' }] });
  });

  test('stays valid after a rotation until the overlap ends', async () => {
    const gateway = common();
    const old = await createKey(gateway.client, { name: 'one', scopes: ['JOBS_READ'] });
    const rotate = async (overlapSeconds: number) =>
      (
        await gateway.client.request<{ rotateApiKey: Issued }>(
          'mutation ($id: ID!, $overlapSeconds: Int!) { rotateApiKey(input: { id: $id, overlapSeconds: $overlapSeconds }) { key apiKey { id lastFour } userErrors { code } } }',
          { id: old.apiKey.id, overlapSeconds },
        )
      ).data.rotateApiKey;
    const next = await rotate(3_600);
    for (const key of [old.key, next.key]) expect((await whoAmI(clientWith(gateway, key))).status).toBe(200);
    await rotate(0);
    expect((await whoAmI(clientWith(gateway, old.key))).status).toBe(401);
    expect((await whoAmI(clientWith(gateway, next.key))).status).toBe(200);
    expect((await rotate(2_592_001)).userErrors).toEqual([{ code: 'INVALID_FORMAT' }]);
  });

  test('is refused if its input is invalid, with all problems reported, or if the account has too many keys', async () => {
    const gateway = counting();
    expect(
      (await createKey(gateway.client, { name: '', scopes: [], expiresAt: '2020-01-01T00:00:00Z' })).userErrors,
    ).toHaveLength(3);
    expect(
      (await createKey(gateway.client, { name: 'x'.repeat(101), scopes: ['JOBS_READ', 'JOBS_READ'] })).userErrors,
    ).toEqual([{ code: 'TOO_LONG' }, { code: 'DUPLICATE' }]);
    // The keys of the playground and of the test are the first two.
    const third = await createKey(gateway.client, { name: 'three', scopes: ['JOBS_READ'] });
    expect((await createKey(gateway.client, { name: 'four', scopes: ['JOBS_READ'] })).userErrors).toEqual([
      { code: 'TOO_MANY' },
    ]);
    await revoke(gateway.client, third.apiKey.id);
    expect((await createKey(gateway.client, { name: 'four', scopes: ['JOBS_READ'] })).userErrors).toEqual([]);
  });

  test('is rejected once it expires', async () => {
    const gateway = common();
    const { key, apiKey } = await createKey(gateway.client, {
      name: 'short',
      scopes: ['JOBS_READ'],
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    expect((await whoAmI(clientWith(gateway, key))).status).toBe(200);
    // Simulates the passing of an hour for this key.
    await asAdministrator(
      `update api_keys set expires_at = expires_at - interval '1 hour' where id = '${apiKey.id}'`,
      gateway.databaseUrl,
    );
    expect((await whoAmI(clientWith(gateway, key))).status).toBe(401);
  });

  test('closes only its own sockets, with 4403, when it is revoked or its account is disabled', async () => {
    const gateway = common();
    const { key, apiKey } = await createKey(gateway.client, { name: 'one', scopes: ['JOBS_READ'] });
    const other = await makeAccount(gateway);
    const [mine, revoked, disabled] = [
      await openSocket(gateway),
      await openSocket({ url: gateway.url, apiKey: key }),
      await openSocket({ url: gateway.url, apiKey: other.key }),
    ];
    await revoke(gateway.client, apiKey.id);
    expect(await revoked.closed).toBe(4403);
    await asAdministratorOf(gateway).request(
      `mutation { disableAccount(input: { id: "${other.id}" }) { account { id } } }`,
    );
    expect(await disabled.closed).toBe(4403);
    expect(mine.socket.readyState).toBe(mine.socket.OPEN);
  });
});

describe('an application for access', () => {
  const acquire = async ({ url }: Pick<TestGateway, 'url'>, input: object) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query:
          'mutation ($input: AcquireAccessInput!) { acquireAccess(input: $input) { key account { id status quota { limit used reserved } } userErrors { code field } } }',
        variables: { input },
      }),
    });
    type Acquired = { key: string; account: { id: string; status: string; quota: object }; userErrors: object[] };
    return {
      status: response.status,
      ...((await response.json()) as {
        data?: { acquireAccess: Acquired };
        errors?: { extensions: Record<string, unknown> }[];
      }),
    };
  };

  test('returns a working key at once, with the free quota only the first time', async () => {
    const gateway = common();
    const { data } = await acquire(gateway, { name: 'Ada', email: 'ada@example.com' });
    expect(data?.acquireAccess).toMatchObject({
      account: { status: 'ACTIVE', quota: { limit: 1, used: 0, reserved: 0 } },
      userErrors: [],
    });
    const client = clientWith(gateway, data!.acquireAccess.key);
    await client.generate();
    const again = await acquire(gateway, { name: 'Ada', email: 'ADA@example.com' });
    expect(again.data?.acquireAccess).toMatchObject({ account: { status: 'ACTIVE', quota: { limit: 0 } } });
    expect(again.data?.acquireAccess.account.id).not.toBe(data!.acquireAccess.account.id);
    await client.stop();
  });

  test('reports every problem in the input', async () => {
    const gateway = common();
    expect((await acquire(gateway, { name: ' ', email: 'nobody' })).data?.acquireAccess).toEqual({
      key: null,
      account: null,
      userErrors: [
        { code: 'INVALID_FORMAT', field: ['input', 'name'] },
        { code: 'INVALID_FORMAT', field: ['input', 'email'] },
      ],
    });
  });

  test('is rejected when registration is closed: with 401 without a key, and as FORBIDDEN with one', async () => {
    const gateway = counting();
    expect((await acquire(gateway, { name: 'Ada', email: 'ada@example.com' })).status).toBe(401);
    const withKey = await gateway.client.request(
      'mutation { acquireAccess(input: { name: "a", email: "a@example.com" }) { key } }',
    );
    expect(codesOf(withKey)).toEqual(['FORBIDDEN']);
  });

  test('is the only operation allowed without a key', async () => {
    const gateway = common();
    const nobody = async (query: string) => {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      return codesOf((await response.json()) as { errors: { extensions: Record<string, unknown> }[] });
    };
    const id = (await gateway.client.generate()).id;
    for (const query of [
      `{ motionJob(id: "${id}") { id } }`,
      `{ node(id: "${id}") { id } }`,
      '{ motionJobs { nodes { id } } }',
      '{ viewer { account { id } } }',
      '{ accounts { nodes { id } } }',
      '{ account(id: "default") { id } }',
      'mutation { generateMotion(input: { imageUrl: "https://example.com/a.png", videoUrl: "https://example.com/a.mp4" }) { job { id } } }',
      `mutation { cancelMotionJob(input: { id: "${id}" }) { job { id } } }`,
      `mutation { deleteMotionJob(input: { id: "${id}" }) { deletedId } }`,
      'mutation { createApiKey(input: { name: "x", scopes: [JOBS_READ] }) { key } }',
      'mutation { revokeClientTokens { account { id } } }',
    ])
      expect(await nobody(query), query).toEqual(['UNAUTHENTICATED']);
  });

  test('on a non-loopback host grants no quota, with the same answer for known and unknown addresses', async () => {
    const gateway = await startGateway({ REGISTRATION: 'open', HOST: '0.0.0.0' });
    const answers = [];
    for (const email of ['ada@example.com', 'ada@example.com', 'eve@example.com']) {
      const { account, userErrors } = (await acquire(gateway, { name: 'Ada', email })).data!.acquireAccess;
      answers.push({ status: account.status, quota: account.quota, userErrors });
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify({ status: 'PENDING', quota: { limit: 0, used: 0, reserved: 0 }, userErrors: [] })]),
    );
  });

  test('on a non-loopback host grants the free quota to allow-listed domains, up to a daily limit', async () => {
    const gateway = await startGateway({
      REGISTRATION: 'open',
      HOST: '0.0.0.0',
      REGISTRATION_DOMAINS: 'Example.com',
      FREE_QUOTA: '4',
      FREE_QUOTA_PER_DAY: '10',
    });
    const quotas = [];
    for (const email of ['a@example.com', 'a@EXAMPLE.com', 'b@example.com', 'b@notexample.com', 'b@sub.example.com'])
      quotas.push((await acquire(gateway, { name: 'A', email })).data!.acquireAccess.account);
    expect(quotas.map(({ status, quota }) => [status, (quota as { limit: number }).limit])).toEqual([
      ['ACTIVE', 4],
      ['ACTIVE', 4],
      ['PENDING', 0],
      ['PENDING', 0],
      ['PENDING', 0],
    ]);
  });

  test('is rate limited by network address', async () => {
    const gateway = await startGateway({ REGISTRATIONS_PER_HOUR: '2' });
    for (const email of ['a@example.com', 'b@example.com'])
      expect((await acquire(gateway, { name: 'A', email })).errors).toBeUndefined();
    expect((await acquire(gateway, { name: 'A', email: 'c@example.com' })).errors).toMatchObject([
      { extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) as number } },
    ]);
  });
});
