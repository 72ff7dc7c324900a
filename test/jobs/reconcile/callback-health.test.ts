import { expect, test } from 'vitest';
import { callBack, recordOf, startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';

test(
  'an unreachable PUBLIC_URL is detected, reported and compensated for by polling, until a callback arrives',
  { timeout: 90_000 },
  async () => {
    const upstream = await startFakeUpstream();
    const { client, url, logs } = await startGateway({
      ...upstream.settings,
      PUBLIC_URL: 'http://gateway.invalid',
      POLL_FIRST_SECONDS: '0.05',
      POLL_INTERVAL_SECONDS: '0.05',
      UPSTREAM_MAX_IN_FLIGHT: '50',
    });
    const ready = async () => (await (await fetch(`${url}/readyz`)).json()) as object;
    const callbackUrls: string[] = [];
    async function finish(taskId: string): Promise<void> {
      const job = await client.generate();
      const submit = await upstream.nextSubmit();
      callbackUrls.push(submit.body.callback_url!.replace('http://gateway.invalid', url));
      upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
      submit.answer(200, { task_id: taskId });
      expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL' });
    }
    for (let index = 0; index < 4; index += 1) await finish(`task-${index}`);
    expect(await ready()).toMatchObject({ status: 'ok', callbacks: 'ok' });
    await finish('task-4');
    await expect.poll(ready).toMatchObject({ status: 'degraded', callbacks: 'missing' });
    expect(logs).toContainEqual(
      expect.objectContaining({
        level: 40,
        msg: 'callbacks do not reach PUBLIC_URL: results are found by polling, every 10 s',
      }),
    );

    expect(await callBack(callbackUrls[4]!, successOf('task-4'))).toBe(200);
    await expect.poll(ready).toMatchObject({ status: 'ok', callbacks: 'ok' });
  },
);
