/** `npm run gate`, as an operator runs it. */
import { expect, test } from 'vitest';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';
import { runCommand } from '../support/script.ts';

test(
  'the command reports why the gate is shut, and opens it for the running instance',
  { timeout: 60_000 },
  async () => {
    const upstream = await startFakeUpstream();
    const gateway = await startGateway({ ...upstream.settings, PUBLIC_URL: 'http://gateway.invalid' });
    const gate = (...args: string[]) =>
      runCommand('gate', { ...upstream.settings, DATABASE_URL: gateway.databaseUrl }, args);
    expect(await gate('status')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^The gate of \S+ is open\.\n$/) as string,
    });
    const { id } = await gateway.client.generate();
    (await upstream.nextSubmit()).answer(403, {
      success: false,
      error: { code: 'used_up', message: 'The balance is used up.' },
      trace_id: 'a',
    });
    await expect
      .poll(async () => (await gate('status')).output, { timeout: 20_000 })
      .toMatch(/^The gate of \S+ is shut for (60|[1-5]?\d) s: .*used_up.* Then one job probes it\.\n$/);
    expect(await gateway.client.find(id)).toMatchObject({ state: 'QUEUED' });

    expect(await gate('resume')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^The gate of \S+ is open\.\n$/) as string,
    });
    (await upstream.nextSubmit()).answer(200, { task_id: 'a' });
    await expect.poll(async () => (await gateway.client.find(id))?.state).toBe('PROCESSING');
  },
);

test('the command prints its usage for an unknown action', async () => {
  expect(await runCommand('gate', {}, ['open'])).toMatchObject({
    code: 2,
    output: expect.stringMatching(/^Usage: motion-gateway gate status \| resume\n/) as string,
  });
});
