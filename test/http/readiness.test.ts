/** Tests the readiness check under load. It requires no authentication. */
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { asAdministrator } from '../support/database.ts';
import { callBack, startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { publicAddress, startGateway } from '../support/gateway.ts';
import { holdQueries } from '../support/hold.ts';

test('50 concurrent readiness checks use one database connection and leave the others to clients', async () => {
  const gateway = await startGateway();
  const held = await holdQueries(gateway.databaseUrl, 'gates');
  const crowd = Array.from({ length: 50 }, () => fetch(`${gateway.url}/readyz`).then(({ status }) => status));
  await held.waits();
  expect((await gateway.client.request('{ viewer { account { id } } }')).status).toBe(200);
  const waiting = await asAdministrator<{ count: number }>(
    `select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%from "gates"%' and query not like '%for update%'`,
    gateway.databaseUrl,
  );
  expect(waiting).toEqual([{ count: 1 }]);
  await held.release();
  expect(new Set(await Promise.all(crowd))).toEqual(new Set([200]));
});

test('an instance stays ready while waiting callbacks occupy all of their database connections', async () => {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, ...(await publicAddress()), DATABASE_POOL_SIZE: '2' });
  const { id } = await gateway.client.generate();
  const submit = await upstream.nextSubmit();
  submit.answer(200, { task_id: 'a' });
  await expect.poll(async () => (await gateway.client.find(id))?.taskId).toBe('a');
  const locker = new pg.Client({ connectionString: gateway.databaseUrl });
  await locker.connect();
  onTestFinished(() => locker.end());
  await locker.query('begin; select 1 from jobs for update');
  const answers = Promise.all(Array.from({ length: 20 }, () => callBack(submit.body.callback_url!, successOf('a'))));
  const waits = () =>
    asAdministrator(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      gateway.databaseUrl,
    );
  await expect.poll(waits).not.toEqual([]);
  const ready = await fetch(`${gateway.url}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([200, { database: 'ok' }]);
  await locker.query('rollback');
  expect(new Set(await answers)).toEqual(new Set([200]));
});
