import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';

test('a job goes from the mutation through the upstream and its callback to the subscription', async () => {
  // Long enough that even on a busy machine the gateway stores the submit's answer before the callback arrives.
  const { client } = await startGateway({ SANDBOX_SECONDS: '3' });

  const accepted = await client.generate();
  const states: string[] = [];
  for await (const { data } of client.watch(accepted.id)) states.push(data!.jobUpdated.state);

  expect(accepted).toMatchObject({ state: 'QUEUED', version: 1, sandbox: true });
  expect(states.at(-1)).toBe('SUCCEEDED');
  expect(await client.find(accepted.id)).toMatchObject({
    state: 'SUCCEEDED',
    settledBy: 'CALLBACK',
    taskId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    video: { url: expect.stringMatching(/\.mp4$/) as string, durationSeconds: 5.066 },
    failure: null,
  });
});
