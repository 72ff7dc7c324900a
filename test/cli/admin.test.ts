/** `npm run admin`, as an operator runs it. */
import { describe, expect, test } from 'vitest';
import { clientWith } from '../support/administrator.ts';
import { asAdministrator } from '../support/database.ts';
import { startGateway } from '../support/gateway.ts';
import { runCommand } from '../support/script.ts';

const run = (databaseUrl: string, ...args: string[]) => runCommand('admin', { DATABASE_URL: databaseUrl }, args);

describe('npm run admin', () => {
  test(
    'creates, limits and disables an account and its keys while a gateway is running',
    { timeout: 120_000 },
    async () => {
      const gateway = await startGateway();
      const admin = (...args: string[]) => run(gateway.databaseUrl, ...args);
      const created = await admin('accounts', 'create', '--name', 'Studio', '--quota', '2');
      expect(created).toMatchObject({
        code: 0,
        output: expect.stringMatching(
          /^[0-9a-f-]{36} {2}ACTIVE {2}2 jobs left {2}0 used {2}0 reserved {2}Studio\nkey mg_\w{38}\n$/,
        ) as string,
      });
      const [, id, key] = /^(\S+)[^]*key (\S+)/.exec(created.output)!;
      await clientWith(gateway, key!).generate();
      expect((await admin('accounts', 'quota', id!, '--quota', 'none')).output).toContain('no limit');
      const reading = /key (\S+)/.exec(
        (await admin('keys', 'create', id!, '--name', 'reads', '--scopes', 'jobs:read')).output,
      )![1]!;
      expect((await clientWith(gateway, reading).request('{ viewer { account { id } } }')).data).toEqual({
        viewer: { account: { id } },
      });
      const [, keyId] = /^(\S+) .*reads/m.exec((await admin('keys', 'list', id!)).output)!;
      expect(await admin('keys', 'revoke', id!, keyId!)).toMatchObject({ code: 0 });
      expect((await clientWith(gateway, reading).request('{ viewer { account { id } } }')).status).toBe(401);
      expect((await admin('accounts', 'disable', id!)).output).toContain('DISABLED');
      expect((await clientWith(gateway, key!).request('{ viewer { account { id } } }')).status).toBe(401);
      for (const limit of ['--quota', '--monthly']) {
        const none = await admin('accounts', 'create', '--name', 'None', limit, '0');
        const [, noneKey] = /key (\S+)/.exec(none.output)!;
        await expect(clientWith(gateway, noneKey!).generate(), `${limit} 0`).rejects.toThrow('QUOTA_EXHAUSTED');
      }
      expect((await admin('accounts', 'list')).output.trim().split('\n')).toHaveLength(4);
    },
  );

  test('reports each problem in one line', { timeout: 120_000 }, async () => {
    const { databaseUrl } = await startGateway();
    const admin = (...args: string[]) => run(databaseUrl, ...args);
    expect(await admin()).toMatchObject({ code: 2, output: expect.stringMatching(/^Usage:/) as string });
    expect(await admin('accounts', 'approve', 'nobody')).toMatchObject({
      code: 1,
      output: 'There is no such account.\n',
    });
    expect(await admin('accounts', 'create')).toMatchObject({
      code: 1,
      output: 'The name must not be empty or contain control characters.\n',
    });
    expect(await admin('keys', 'create', 'default', '--name', 'x', '--scopes', 'jobs:own')).toMatchObject({
      code: 2,
      output: expect.stringMatching(/^There is no scope jobs:own/) as string,
    });
    expect(await admin('quota', 'check')).toMatchObject({ code: 0, output: '0 balances differ from their ledgers\n' });
    await asAdministrator(`update accounts set quota_taken = 1 where id = 'default'`, databaseUrl);
    expect(await admin('quota', 'check')).toMatchObject({
      code: 1,
      output: expect.stringContaining('1 balances differ') as string,
    });
  });
});
