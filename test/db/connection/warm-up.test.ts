/** Warm-up: a gateway that listens has its connections for callbacks open and their statements prepared. */
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';

const warmUpOf = ({ logs }: TestGateway) => logs.find(({ msg }) => msg === 'connections for callbacks were warmed up');
const isReady = async ({ url }: TestGateway) => (await fetch(`${url}/readyz`)).status;

test('the warm-up opens every connection for callbacks before the gateway listens, and leaves no rows in the database', async () => {
  const gateway = await startGateway({ DATABASE_POOL_SIZE: '9', WARM_UP_SECONDS: '60' });
  expect(warmUpOf(gateway)).toMatchObject({ warm: 3, of: 3 });
  const sessions = await asAdministrator<{ query: string }>(
    `select query from pg_stat_activity where datname = current_database() and application_name = 'motion-gateway'`,
    gateway.databaseUrl,
  );
  // The dispatcher reuses the connection that became free last.
  expect(sessions.filter(({ query }) => query === 'rollback').length).toBeGreaterThanOrEqual(2);
  const tables = ['jobs', 'job_events', 'callbacks', 'turns', 'quota_ledger', 'webhook_events', 'spent_keys'];
  const counts = await asAdministrator(
    tables.map((table) => `select '${table}' as "table", count(*)::int as rows from ${table}`).join(' union all '),
    gateway.databaseUrl,
  );
  expect(counts).toEqual(tables.map((table) => ({ table, rows: 0 })));
  expect(
    (
      await (
        await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.administratorKey}` } })
      ).text()
    ).match(/^motion_gateway_job_ends_total\{.*$/gm),
  ).toBeNull();
});

test('a rehearsal that fails halfway does not keep the gateway from starting', async () => {
  const databaseUrl = await createDatabase();
  await asAdministrator('alter table callbacks rename column body to hidden', databaseUrl);
  const gateway = await startGateway({ DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: '4', WARM_UP_SECONDS: '3' });
  expect(warmUpOf(gateway)).toMatchObject({
    warm: 0,
    of: 2,
    err: expect.objectContaining({ message: expect.stringContaining('callbacks') as string }) as object,
  });
  expect(await isReady(gateway)).toBe(200);
  await asAdministrator('alter table callbacks rename column hidden to body', databaseUrl);
  await gateway.client.untilEnd((await gateway.client.generate()).id);
});

test('a rehearsal that waits for a lock does not keep the gateway from starting', async () => {
  const databaseUrl = await createDatabase();
  const holder = new pg.Client({ connectionString: databaseUrl });
  await holder.connect();
  onTestFinished(() => holder.end());
  await holder.query('begin; lock table callbacks in access exclusive mode');
  const gateway = await startGateway({ DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: '4', WARM_UP_SECONDS: '3' });
  expect(warmUpOf(gateway)).toMatchObject({ warm: 0, of: 2 });
  expect(await isReady(gateway)).toBe(200);
  await holder.query('rollback');
  await gateway.client.untilEnd((await gateway.client.generate()).id);
});

test('a start without a warm-up rehearses nothing', async () => {
  expect(warmUpOf(await startGateway({ WARM_UP_SECONDS: '0' }))).toBeUndefined();
});
