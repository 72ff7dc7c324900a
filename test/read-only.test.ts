/** A database that reads and does not write, and one whose disk is full: nothing is promised, nothing is sent, and all of it goes on afterwards. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { asAdministrator, createDatabase } from './support/database.ts';
import { startFakeUpstream, successOf } from './support/fake-upstream.ts';
import { startGateway } from './support/gateway.ts';

const setReadOnly = (url: string, value: 'on' | 'off') =>
  asAdministrator(
    `begin read write;
     do $$ begin execute format('alter database %I set default_transaction_read_only = ${value}', current_database()); end $$;
     commit;
     select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    url,
  );

/** Every write of the dispatcher and of callbacks begins with one to these tables. */
const full = `
  create function be_full() returns trigger language plpgsql as $$ begin raise 'no room' using errcode = 'disk_full'; end $$;
  create trigger full_jobs before update or insert on jobs for each row execute function be_full();
  create trigger full_callbacks before insert on callbacks for each row execute function be_full()`;

test.each<[string, (url: string) => Promise<unknown>, (url: string) => Promise<unknown>]>([
  ['read-only', (url) => setReadOnly(url, 'on'), (url) => setReadOnly(url, 'off')],
  ['full', (url) => asAdministrator(full, url), (url) => asAdministrator('drop function be_full cascade', url)],
])('a database that is %s', { timeout: 60_000 }, async (_how, begin, end) => {
  const upstream = await startFakeUpstream();
  const databaseUrl = await createDatabase();
  const { client, url, logs } = await startGateway({ ...upstream.settings, DATABASE_URL: databaseUrl, PUBLIC_URL: 'http://gateway.invalid' });
  const processing = await client.generate();
  const submit = await upstream.nextSubmit();
  const taskId = randomUUID();
  submit.answer(200, { task_id: taskId });
  await expect.poll(async () => (await client.find(processing.id))!.state).toBe('PROCESSING');
  await asAdministrator(`update gates set paused_until = now() + interval '1 hour', pause_reason = 'the test', probe = 'JOB'`, databaseUrl);
  const queued = await client.generate();

  await begin(databaseUrl);
  await asAdministrator('begin read write; update gates set paused_until = null, pause_reason = null, probe = null; commit', databaseUrl);
  await expect.poll(() => logs.map(({ msg }) => msg), { timeout: 20_000 }).toContain('dispatching failed; it goes on');
  const callback = () => fetch(submit.body.callback_url!.replace('http://gateway.invalid', url), { method: 'POST', body: JSON.stringify(successOf(taskId)) });
  const refused = await callback();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  const { errors } = await client.request('mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id } } }', { id: queued.id });
  expect(errors).toMatchObject([{ extensions: { code: 'SERVICE_UNAVAILABLE' } }]);
  expect(upstream.submitCount()).toBe(1);

  await end(databaseUrl);
  await expect.poll(async () => (await callback()).status, { timeout: 20_000 }).toBe(200);
  await upstream.nextSubmit();
  expect(await client.find(processing.id)).toMatchObject({ state: 'SUCCEEDED' });
  expect(upstream.submitCount()).toBe(2);
});
