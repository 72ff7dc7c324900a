/** Operations of the administrator on accounts, and the log of them. */
import { describe, expect, test } from 'vitest';
import { asAdministratorOf, makeAccount } from '../support/administrator.ts';
import { codesOf, whoAmI } from '../support/api-keys.ts';
import { asAdministrator } from '../support/database.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';

const common = shared(() => startGateway());

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
    // A separate gateway, because the test counts the accounts.
    const gateway = await startGateway();
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
