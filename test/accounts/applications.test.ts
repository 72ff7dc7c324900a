/** Applications for access: what they grant, where they are closed, and how often they are accepted. */
import { describe, expect, test } from 'vitest';
import { clientWith } from '../support/administrator.ts';
import { codesOf } from '../support/api-keys.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';

const common = shared(() => startGateway({ FREE_QUOTA: '1' }));

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
    const gateway = await startGateway({ REGISTRATION: 'closed' });
    expect((await acquire(gateway, { name: 'Ada', email: 'ada@example.com' })).status).toBe(401);
    const withKey = await gateway.client.request(
      'mutation { acquireAccess(input: { name: "a", email: "a@example.com" }) { key } }',
    );
    expect(codesOf(withKey)).toEqual(['FORBIDDEN']);
  });

  test('is the only operation allowed without a key', async () => {
    const gateway = common();
    const codesWithoutKey = async (query: string) => {
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
      expect(await codesWithoutKey(query), query).toEqual(['UNAUTHENTICATED']);
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
