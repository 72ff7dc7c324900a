/** Concurrent deliveries of the same callback to two instances. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { callBack, startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';

test('a callback that arrives ten times at two instances is answered 200 each time and changes the job once', async () => {
  const upstream = await startFakeUpstream();
  const settings = { ...upstream.settings, DATABASE_URL: await createDatabase(), PUBLIC_URL: 'http://gateway.invalid' };
  const [a, b] = [await startGateway(settings), await startGateway(settings)];
  const job = await a.client.generate();
  const submit = await upstream.nextSubmit();
  const taskId = randomUUID();
  submit.answer(200, { task_id: taskId });
  await expect.poll(async () => (await a.client.find(job.id))!.state).toBe('PROCESSING');
  const { version } = (await a.client.find(job.id))!;
  const urlAt = ({ url }: { url: string }) => submit.body.callback_url!.replace('http://gateway.invalid', url);
  const statuses = await Promise.all(
    Array.from({ length: 10 }, (_, index) => callBack(urlAt(index % 2 === 0 ? a : b), successOf(taskId))),
  );
  expect(statuses).toEqual(Array(10).fill(200));
  expect((await b.client.find(job.id))!).toMatchObject({ state: 'SUCCEEDED', version: version + 1 });
  expect(await asAdministrator('select verdict from callbacks', settings.DATABASE_URL)).toEqual([
    { verdict: 'APPLIED' },
  ]);
});
