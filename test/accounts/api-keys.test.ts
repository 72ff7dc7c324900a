/** API keys: their scopes, revocation, rotation, expiry and number. */
import { describe, expect, test } from 'vitest';
import { asAdministratorOf, clientWith, makeAccount } from '../support/administrator.ts';
import { codesOf, createKey, revokeKey, whoAmI, type Issued } from '../support/api-keys.ts';
import { asAdministrator } from '../support/database.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { openSocket, subscribe } from '../support/socket.ts';

const common = shared(() => startGateway({ SOCKET_RECHECK_SECONDS: '0.2' }));

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

    expect((await revokeKey(gateway.client, apiKey.id)).data.revokeApiKey).toEqual({
      apiKey: { revokedAt: expect.any(String) as string },
      userErrors: [],
    });
    expect((await whoAmI(client)).status).toBe(401);
    expect((await revokeKey(gateway.client, apiKey.id)).data.revokeApiKey).toEqual({
      apiKey: null,
      userErrors: [{ code: 'NOT_FOUND' }],
    });
    expect((await revokeKey(gateway.client, 'nonsense')).data.revokeApiKey.userErrors).toEqual([{ code: 'NOT_FOUND' }]);
  });

  test('of another account can neither be revoked nor rotated', async () => {
    const gateway = common();
    const other = await makeAccount(gateway);
    const { apiKey } = await createKey(gateway.client, { name: 'mine', scopes: ['JOBS_READ'] });
    expect((await revokeKey(other.client, apiKey.id)).data.revokeApiKey.userErrors).toEqual([{ code: 'NOT_FOUND' }]);
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
    const gateway = await startGateway({ MAX_KEYS_PER_ACCOUNT: '3' });
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
    await revokeKey(gateway.client, third.apiKey.id);
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
    await revokeKey(gateway.client, apiKey.id);
    expect(await revoked.closed).toBe(4403);
    await asAdministratorOf(gateway).request(
      `mutation { disableAccount(input: { id: "${other.id}" }) { account { id } } }`,
    );
    expect(await disabled.closed).toBe(4403);
    expect(mine.socket.readyState).toBe(mine.socket.OPEN);
  });
});
