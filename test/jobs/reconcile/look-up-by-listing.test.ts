/** Look-up of the task of a submit that was never answered, by listing the upstream's tasks. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { spansOf } from '../../../src/jobs/reconcile/look-up.ts';
import { inDoubt, reportOf, startCore } from '../../support/core.ts';
import { recordOf, startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { outcomes } from '../../support/life.ts';

const settings = {
  PUBLIC_URL: 'http://gateway.invalid',
  LISTING_LOOKUP: 'on',
  POLL_FIRST_SECONDS: '0.05',
  POLL_INTERVAL_SECONDS: '0.05',
};

async function start(overrides: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, ...settings, ...overrides });
  return { upstream, ...gateway };
}

/** Returns the record of a task that another client of the same token created. */
const othersRecord = (taskId: string) => recordOf(taskId, `https://elsewhere.example/${taskId}`, successOf(taskId));

describe('a task whose submit was never answered', () => {
  test('is found by the callback URL that it echoes, among others and beyond the first page, and is never submitted again', async () => {
    const { client, upstream } = await start();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    for (let index = 0; index < 70; index += 1) upstream.records.set(`other-${index}`, othersRecord(`other-${index}`));
    const taskId = randomUUID();
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
    submit.cut();
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'LISTING', taskId });
    expect(upstream.submitCount()).toBe(1);
    const [{ from, to, at }] = upstream.listings as [(typeof upstream.listings)[number]];
    expect(from).toBeLessThan(at);
    expect(to).toBeGreaterThan(at);
  });

  test('is found beyond pages that are smaller than requested and items that cannot be decoded', async () => {
    const { client, upstream } = await start();
    upstream.limitPages(7);
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    for (let index = 0; index < 30; index += 1)
      upstream.records.set(
        `other-${index}`,
        index < 15 && index % 2 === 0 ? othersRecord(`other-${index}`) : { id: null },
      );
    const taskId = randomUUID();
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
    submit.cut();
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'LISTING', taskId });
  });

  test.each([400, 404, 416])('is found if the upstream answers a page beyond the end with %i', async (status) => {
    const { client, upstream } = await start();
    upstream.refuseBeyondTheEnd(status);
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    const taskId = randomUUID();
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
    submit.cut();
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'LISTING', taskId });
  });

  test('makes the job PROCESSING if it still runs, and is polled from then on', async () => {
    const { client, upstream } = await start();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    const taskId = randomUUID();
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url));
    submit.cut();
    await expect.poll(() => client.find(job.id)).toMatchObject({ state: 'PROCESSING', taskId });
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL' });
  });

  test('and that no listing shows fails the job at the deadline, and makes it succeed if it appears later', async () => {
    const { client, upstream } = await start({ JOB_DEADLINE_SECONDS: '0.5' });
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    submit.cut();
    expect(await client.untilEnd(job.id)).toMatchObject({
      state: 'FAILED',
      failure: { code: 'SUBMIT_OUTCOME_UNKNOWN', final: false },
    });
    const taskId = randomUUID();
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
    await expect
      .poll(() => client.find(job.id))
      .toMatchObject({ state: 'SUCCEEDED', settledBy: 'LISTING', taskId, failure: null });
    expect(upstream.submitCount()).toBe(1);
  });

  test('is not searched for if the setting is off', async () => {
    const { client, upstream } = await start({ LISTING_LOOKUP: 'off', JOB_DEADLINE_SECONDS: '0.5' });
    const job = await client.generate();
    (await upstream.nextSubmit()).cut();
    expect(await client.untilEnd(job.id)).toMatchObject({ failure: { code: 'SUBMIT_OUTCOME_UNKNOWN' } });
    expect(upstream.listings).toEqual([]);
  });
});

test('a task that still runs at the deadline is adopted, so that the job fails as timed out', async () => {
  const { accept, submitNext, play, reconcile, find, sql } = await startCore({ listing: true });
  const id = await accept();
  play.submit = () => Promise.resolve(inDoubt('path'));
  await submitNext();
  await sql(`update jobs set attempted_at = now() - interval '2 hours', next_poll_at = null`);
  play.list = () => Promise.resolve([reportOf('a', id, { kind: 'running' })]);
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'PROCESSING', taskId: 'a' });
  play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id, { kind: 'running' })]]));
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'FAILED', failure: { code: 'TIMED_OUT' } });
});

test('a task whose submitter died is found by listing too', async () => {
  const { accept, dispatcher, play, reconcile, find, sql } = await startCore({ listing: true });
  const id = await accept();
  await dispatcher.claimNext();
  await sql(`update jobs set lease_expires_at = now() - interval '1 second'`);
  play.list = () => Promise.resolve([reportOf('a', id, outcomes.success)]);
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'LISTING' });
});

describe('the listed time spans', () => {
  const at = (minute: number) => ({ attemptedAt: new Date(minute * 60_000) });

  test('cover the attempt, the time that a submit may take, and two minutes of clock skew', () => {
    expect(spansOf([at(10)], 30_000)).toEqual([{ from: new Date(8 * 60_000), to: new Date(12.5 * 60_000) }]);
  });

  test('are merged where they overlap, and ordered newest first', () => {
    expect(spansOf([at(60), at(10), at(12)], 0)).toEqual([
      { from: new Date(58 * 60_000), to: new Date(62 * 60_000) },
      { from: new Date(8 * 60_000), to: new Date(14 * 60_000) },
    ]);
  });
});
