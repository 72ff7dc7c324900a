/**
 * A read-only database and one whose disk is full: the gateway acknowledges nothing and submits nothing, and resumes
 * all of it afterwards.
 */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';

/**
 * Returns statements that make writes fail. Every write of the dispatcher and of callbacks begins with one to these
 * tables. A trigger raises the error of a standby, because each connection overrides the database's own
 * `default_transaction_read_only`.
 */
const refuseWrites = (condition: 'disk_full' | 'read_only_sql_transaction') => `
  create function refuse() returns trigger language plpgsql as $$ begin raise 'no writes' using errcode = '${condition}'; end $$;
  create trigger refuse_jobs before update or insert on jobs for each row execute function refuse();
  create trigger refuse_callbacks before insert on callbacks for each row execute function refuse()`;

test.each([
  ['read-only', 'read_only_sql_transaction'],
  ['full', 'disk_full'],
] as const)('a database that is %s pauses submits and callbacks', { timeout: 60_000 }, async (_how, condition) => {
  const upstream = await startFakeUpstream();
  const databaseUrl = await createDatabase();
  const { client, url, logs } = await startGateway({
    ...upstream.settings,
    DATABASE_URL: databaseUrl,
    PUBLIC_URL: 'http://gateway.invalid',
  });
  const processing = await client.generate();
  const submit = await upstream.nextSubmit();
  const taskId = randomUUID();
  submit.answer(200, { task_id: taskId });
  await expect.poll(async () => (await client.find(processing.id))!.state).toBe('PROCESSING');
  await asAdministrator(
    `update gates set paused_until = now() + interval '1 hour', pause_reason = 'the test', probe = 'JOB'`,
    databaseUrl,
  );
  const queued = await client.generate();

  await asAdministrator(refuseWrites(condition), databaseUrl);
  await asAdministrator('update gates set paused_until = null, pause_reason = null, probe = null', databaseUrl);
  await expect.poll(() => logs.map(({ msg }) => msg), { timeout: 20_000 }).toContain('dispatching failed; retrying');
  const callback = () =>
    fetch(submit.body.callback_url!.replace('http://gateway.invalid', url), {
      method: 'POST',
      body: JSON.stringify(successOf(taskId)),
    });
  const refused = await callback();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  const { errors } = await client.request(
    'mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id } } }',
    { id: queued.id },
  );
  expect(errors).toMatchObject([{ extensions: { code: 'SERVICE_UNAVAILABLE' } }]);
  expect(upstream.submitCount()).toBe(1);

  await asAdministrator('drop function refuse cascade', databaseUrl);
  await expect.poll(async () => (await callback()).status, { timeout: 20_000 }).toBe(200);
  await upstream.nextSubmit();
  expect(await client.find(processing.id)).toMatchObject({ state: 'SUCCEEDED' });
  expect(upstream.submitCount()).toBe(2);
});
