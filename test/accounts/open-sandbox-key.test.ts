/** The key that an open sandbox reveals to every client on its machine. */
import { expect, test } from 'vitest';
import { deriveApiKey } from '../../src/accounts/api-key.ts';
import { clientWith } from '../support/administrator.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';

const SECRET = 'the secret of this gateway has more than 32 characters';
const statusOf = async (gateway: { url: string }) =>
  (await clientWith(gateway, deriveApiKey(SECRET)).request('{ viewer { account { id } } }')).status;

test('the sandbox key is rejected once the same database is used with a paid upstream, and works in the sandbox again', async () => {
  const settings = { DATABASE_URL: await createDatabase(), APP_SECRET: SECRET };
  const sandbox = await startGateway(settings);
  expect(await statusOf(sandbox)).toBe(200);
  await sandbox.stop();

  const upstream = await startFakeUpstream();
  const paid = await startGateway({
    ...settings,
    ...upstream.settings,
    APP_SECRET: `a newer secret of more than 32 characters,${SECRET}`,
  });
  expect(await statusOf(paid)).toBe(401);
  expect(
    await asAdministrator(`select actor, action from account_log where account_id = 'default'`, settings.DATABASE_URL),
  ).toEqual([{ actor: 'gateway', action: 'ended a key' }]);
  await paid.stop();

  const again = await startGateway(settings);
  expect(await statusOf(again)).toBe(200);
  await asAdministrator(
    `update api_keys set revoked_at = now() where name = 'playground and banner'`,
    settings.DATABASE_URL,
  );
  await again.stop();
  expect(await statusOf(await startGateway(settings))).toBe(401);
});
