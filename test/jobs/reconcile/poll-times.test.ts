/** The default poll times when callbacks are expected. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { asAdministrator } from '../../support/database.ts';
import { recordOf, startFakeUpstream } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';

test('the upstream is polled 180 s after the submit and then every 60 s, give or take 20%', async () => {
  const upstream = await startFakeUpstream();
  const { client, databaseUrl } = await startGateway({ ...upstream.settings, PUBLIC_URL: 'http://gateway.invalid' });
  const job = await client.generate();
  const submit = await upstream.nextSubmit();
  const taskId = randomUUID();
  upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, {}));
  submit.answer(200, { task_id: taskId });
  await expect.poll(async () => (await client.find(job.id))!.state).toBe('PROCESSING');
  const read = async (what: string) =>
    (
      await asAdministrator<{ seconds: number }>(
        `select extract(epoch from ${what})::float8 as seconds from jobs`,
        databaseUrl,
      )
    )[0]!.seconds;
  // One transaction writes both, with its own time, so the duration of this test makes no difference.
  expect(await read('next_poll_at - submitted_at')).toBeCloseTo(180, 2);

  const from = await read('now()');
  await asAdministrator('update jobs set next_poll_at = now()', databaseUrl);
  await expect.poll(() => upstream.lookUps.flat()).toEqual([taskId]);
  // Until the answer is processed, `next_poll_at` holds the lease of the poll, 30 s ahead.
  await expect.poll(async () => (await read('next_poll_at')) - from).toBeGreaterThanOrEqual(48);
  expect(await read('next_poll_at - now()')).toBeLessThanOrEqual(72);
});
