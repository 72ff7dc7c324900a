/** Client tokens, which browsers use instead of an API key. */
import { SignJWT } from 'jose';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createClientTokens, type ClientTokenClaims } from '../../src/accounts/client-token.ts';
import { clientWith, makeAccount } from '../support/administrator.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { openSocket, subscribe, WATCH } from '../support/socket.ts';

const SECRETS = ['one secret of at least 32 characters', 'another secret of at least 32 chars'];
const claims: ClientTokenClaims = { accountId: 'a', keyId: 'k', scopes: ['jobs:read'], jobIds: null, epoch: 3 };

describe('a token', () => {
  test('yields the claims that it was created with until it expires', async () => {
    const tokens = createClientTokens(SECRETS);
    const { token, expiresAt } = await tokens.sign({ ...claims, jobIds: ['j'] }, 60);
    expect(await tokens.verify(token)).toEqual({ ...claims, jobIds: ['j'], expiresAt });
    const past = await tokens.sign(claims, -60);
    expect(await tokens.verify(past.token)).toBeNull();
  });

  test('signed with a secret that is being rotated out is valid until that secret is removed', async () => {
    const { token } = await createClientTokens([SECRETS[0]!]).sign(claims, 60);
    expect(await createClientTokens([SECRETS[1]!, SECRETS[0]!]).verify(token)).not.toBeNull();
    expect(await createClientTokens([SECRETS[1]!]).verify(token)).toBeNull();
  });

  test('is rejected if it is malformed, altered, unsigned or signed with a foreign key', async () => {
    const tokens = createClientTokens(SECRETS);
    const { token } = await tokens.sign(claims, 60);
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const changed = Buffer.from(
      Buffer.from(payload, 'base64url').toString().replace('"sub":"a"', '"sub":"b"'),
    ).toString('base64url');
    const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
    const key = new TextEncoder().encode('some other key of 32 characters!!');
    const foreign = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('a')
      .setExpirationTime('1h')
      .sign(key);
    for (const text of [
      '',
      'a.b.c',
      `${header}.${changed}.${signature}`,
      `${unsigned}.${payload}.`,
      `${header}.${payload}.`,
      foreign,
      `${token}x`,
    ])
      expect(await tokens.verify(text), text).toBeNull();
  });

  test('expires an hour after it was signed, whatever its expiry claim says', async () => {
    const tokens = createClientTokens(SECRETS);
    vi.useFakeTimers({ now: 0, toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { token } = await tokens.sign(claims, 7_200);
    vi.setSystemTime(3_600_000);
    expect(await tokens.verify(token)).not.toBeNull();
    vi.setSystemTime(3_602_000);
    expect(await tokens.verify(token)).toBeNull();
  });
});

interface Minted {
  readonly token: string;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] }[];
}

const mint = async ({ client }: Pick<TestGateway, 'client'>, input: object): Promise<Minted> =>
  (
    await client.request<{ createClientToken: Minted }>(
      'mutation ($input: CreateClientTokenInput!) { createClientToken(input: $input) { token userErrors { code field } } }',
      { input },
    )
  ).data.createClientToken;

const codesOf = (answer: { errors?: readonly { extensions: Record<string, unknown> }[] }) =>
  answer.errors?.map(({ extensions }) => extensions.code);

describe('a browser with a token', () => {
  const common = shared(() => startGateway({ SOCKET_RECHECK_SECONDS: '0.2' }));

  test("reads and watches the account's jobs, and no more than the scopes of the token allow", async () => {
    const gateway = common();
    const job = await gateway.client.generate();
    const { token } = await mint(gateway, { scopes: ['JOBS_READ'] });
    const browser = clientWith(gateway, token);
    expect(await browser.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED' });
    await browser.stop();
    expect(
      codesOf(await browser.request('mutation { createClientToken(input: { scopes: [JOBS_READ] }) { token } }')),
    ).toEqual(['FORBIDDEN']);
    expect(
      codesOf(await browser.request(`mutation { deleteMotionJob(input: { id: "${job.id}" }) { deletedId } }`)),
    ).toEqual(['FORBIDDEN']);
    expect(codesOf(await browser.request('{ viewer { keys { id } } }'))).toEqual(['FORBIDDEN']);
  });

  test('that is limited to certain jobs sees all others as nonexistent', async () => {
    const gateway = common();
    const [mine, other] = [await gateway.client.generate(), await gateway.client.generate()];
    const { token } = await mint(gateway, { scopes: ['JOBS_READ'], jobIds: [mine.id.toUpperCase()] });
    const browser = clientWith(gateway, token);
    expect(await browser.find(mine.id)).toMatchObject({ id: mine.id });
    expect(await browser.find(other.id)).toBeNull();
    expect(
      (await browser.request<{ node: object | null }>('query ($id: ID!) { node(id: $id) { id } }', { id: other.id }))
        .data.node,
    ).toBeNull();
    for (const filter of [null, { ids: [mine.id, other.id] }]) {
      const { data } = await browser.request<{ motionJobs: { nodes: object[] } }>(
        'query ($filter: MotionJobFilter) { motionJobs(filter: $filter) { nodes { id } } }',
        { filter },
      );
      expect(data.motionJobs.nodes).toEqual([{ id: mine.id }]);
    }
    expect(
      (
        await browser.request<{ motionJobs: { nodes: object[] } }>(
          'query ($ids: [ID!]) { motionJobs(filter: { ids: $ids }) { nodes { id } } }',
          { ids: [other.id] },
        )
      ).data.motionJobs.nodes,
    ).toEqual([]);
    expect(codesOf(await browser.request('{ viewer { account { email } } }'))).toEqual(['FORBIDDEN']);

    const socket = await openSocket({ url: gateway.url, apiKey: token });
    socket.send(subscribe('a', WATCH, { id: other.id }));
    expect(await socket.next()).toMatchObject({
      id: 'a',
      payload: { errors: [{ extensions: { code: 'NOT_FOUND' } }] },
    });
    await socket.next();
    socket.send(subscribe('b', 'subscription { jobsUpdated { cursor } }'));
    expect(await socket.next()).toMatchObject({
      id: 'b',
      payload: { errors: [{ extensions: { code: 'FORBIDDEN' } }] },
    });
  });

  test('is disconnected with 4403 when the token expires, and continues without a gap with a new one', async () => {
    const gateway = await startGateway({ SANDBOX_SECONDS: '3' });
    const job = await gateway.client.generate();
    const { token } = await mint(gateway, { scopes: ['JOBS_READ'], ttlSeconds: 60 });
    const socket = await openSocket({ url: gateway.url, apiKey: token });
    socket.send(subscribe('a', WATCH, { id: job.id }));
    const { payload } = (await socket.next()) as { payload: { data: { jobUpdated: { version: number } } } };
    // The sandbox times its tasks by the clock that stops below, so it must have the task before that.
    await expect.poll(async () => (await gateway.client.find(job.id))?.state).toMatch(/^(PROCESSING|SUCCEEDED)$/);
    // Moves the clock of this process, which the gateway and the test share; the database has its own.
    vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    expect(await socket.closed).toBe(4403);
    expect((await clientWith(gateway, token).request('{ viewer { account { id } } }')).status).toBe(401);

    const again = clientWith(gateway, (await mint(gateway, { scopes: ['JOBS_READ'], ttlSeconds: 60 })).token);
    const versions: number[] = [];
    for await (const { data } of again.watch(job.id, payload.data.jobUpdated.version))
      versions.push(data!.jobUpdated.version);
    expect(versions[0]).toBeGreaterThan(payload.data.jobUpdated.version);
    expect(await again.find(job.id)).toMatchObject({ state: 'SUCCEEDED', version: versions.at(-1) });
    await again.stop();
  });

  test('loses access when the tokens of the account or the key that minted its token are revoked', async () => {
    const gateway = common();
    const account = await makeAccount(gateway);
    const { token } = await mint(account, { scopes: ['JOBS_READ'] });
    const socket = await openSocket({ url: gateway.url, apiKey: token });
    await account.client.request('mutation { revokeClientTokens { account { id } } }');
    expect((await clientWith(gateway, token).request('{ viewer { account { id } } }')).status).toBe(401);
    expect(await socket.closed).toBe(4403);

    const { data } = await account.client.request<{ createApiKey: { key: string; apiKey: { id: string } } }>(
      'mutation { createApiKey(input: { name: "x", scopes: [JOBS_READ] }) { key apiKey { id } } }',
    );
    const { token: second } = await mint(
      { client: clientWith(gateway, data.createApiKey.key) },
      { scopes: ['JOBS_READ'] },
    );
    expect((await clientWith(gateway, second).request('{ viewer { account { id } } }')).status).toBe(200);
    await account.client.request('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', {
      id: data.createApiKey.apiKey.id,
    });
    expect((await clientWith(gateway, second).request('{ viewer { account { id } } }')).status).toBe(401);
  });

  test.each<[string, object, object[]]>([
    ['an empty list of scopes', { scopes: [] }, [{ code: 'INVALID_FORMAT', field: ['input', 'scopes'] }]],
    [
      'the scope ACCOUNT_ADMIN',
      { scopes: ['ACCOUNT_ADMIN'] },
      [{ code: 'INVALID_FORMAT', field: ['input', 'scopes'] }],
    ],
    [
      'more than an hour',
      { scopes: ['JOBS_READ'], ttlSeconds: 3_601 },
      [{ code: 'INVALID_FORMAT', field: ['input', 'ttlSeconds'] }],
    ],
    [
      'less than a minute',
      { scopes: ['JOBS_READ'], ttlSeconds: 59 },
      [{ code: 'INVALID_FORMAT', field: ['input', 'ttlSeconds'] }],
    ],
    [
      'an empty list of jobs',
      { scopes: ['JOBS_READ'], jobIds: [] },
      [{ code: 'TOO_MANY', field: ['input', 'jobIds'] }],
    ],
    [
      'too many jobs',
      { scopes: ['JOBS_READ'], jobIds: Array.from({ length: 101 }, String) },
      [{ code: 'TOO_MANY', field: ['input', 'jobIds'] }],
    ],
    [
      'writing certain jobs',
      { scopes: ['JOBS_WRITE'], jobIds: ['a'] },
      [{ code: 'INVALID_FORMAT', field: ['input', 'scopes'] }],
    ],
  ])('is refused a token for %s', async (_name, input, userErrors) => {
    const gateway = common();
    expect(await mint(gateway, input)).toEqual({ token: null, userErrors });
  });

  test('gets at most the scopes of the key that mints its token, and an administrator cannot mint any', async () => {
    const gateway = common();
    const { data } = await gateway.client.request<{ createApiKey: { key: string } }>(
      'mutation { createApiKey(input: { name: "x", scopes: [JOBS_READ] }) { key } }',
    );
    expect(
      (await mint({ client: clientWith(gateway, data.createApiKey.key) }, { scopes: ['JOBS_WRITE'] })).userErrors,
    ).toEqual([{ code: 'INVALID_FORMAT', field: ['input', 'scopes'] }]);
    expect(
      codesOf(
        await clientWith(gateway, gateway.administratorKey).request(
          'mutation { createClientToken(input: { scopes: [JOBS_READ] }) { token } }',
          {},
          { 'x-account-id': 'default' },
        ),
      ),
    ).toEqual(['FORBIDDEN']);
  });
});
