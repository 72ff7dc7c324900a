/** When the upstream is asked where no setting says otherwise and callbacks are expected. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { asAdministrator } from './support/database.ts';
import { recordOf, startFakeUpstream } from './support/fake-upstream.ts';
import { startGateway } from './support/gateway.ts';

test('180 s after the submit, and then every 60 s, a fifth more or less', async () => {
  const upstream = await startFakeUpstream();
  const { client, databaseUrl } = await startGateway({ ...upstream.settings, PUBLIC_URL: 'http://gateway.invalid' });
  const job = await client.generate();
  const submit = await upstream.nextSubmit();
  const taskId = randomUUID();
  upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, {}));
  submit.answer(200, { task_id: taskId });
  await expect.poll(async () => (await client.find(job.id))!.state).toBe('PROCESSING');
  const inSeconds = async () => (await asAdministrator<{ seconds: number }>('select extract(epoch from next_poll_at - now())::float8 as seconds from jobs', databaseUrl))[0]!.seconds;
  await expect.poll(inSeconds).toBeGreaterThan(170);
  expect(await inSeconds()).toBeLessThanOrEqual(180);

  await asAdministrator('update jobs set next_poll_at = now()', databaseUrl);
  await expect.poll(() => upstream.lookUps.flat(), { timeout: 5_000 }).toEqual([taskId]);
  // While it is asked the lease of a poll stands there.
  await expect.poll(inSeconds).toBeGreaterThan(40);
  expect(await inSeconds()).toBeLessThanOrEqual(72);
});
