/**
 * An upstream that returns one task for two jobs: both jobs end, no account is charged for a task that was not created,
 * and no unexpected error occurs.
 */
import { describe, expect, test } from 'vitest';
import type { SubmitEnd } from '../../../src/jobs/model/upstream-news.ts';
import { accepted, HOUR_MS, inDoubt, reportOf, startCore } from '../../support/core.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { callBack, recordOf, startFakeUpstream, successOf, type Submit } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { outcomes } from '../../support/life.ts';
import { createRestClient } from '../../support/rest.ts';

const REFUSED = {
  state: 'FAILED',
  taskId: null,
  failure: {
    code: 'UPSTREAM_REJECTED',
    charge: 'NOT_CHARGED',
    message: expect.stringContaining('task of another job') as string,
  },
};
const running = { kind: 'running' } as const;

const emptied = emptiedDatabase();
const start = async (options: Parameters<typeof startCore>[0] = {}) =>
  startCore({ database: await emptied(), ...options });

/** Starts a core with two jobs, the first of which has the task `same`. */
async function startTwo(options: Parameters<typeof startCore>[0] = {}) {
  const core = await start(options);
  const [first, second] = [await core.accept(), await core.accept()];
  core.play.submit = () => Promise.resolve(accepted('same'));
  await core.submitNext();
  await core.passTime();
  const unexpected = () => core.errors.filter((message) => /could not|unexpected/.test(message));
  return { ...core, first, second, unexpected };
}

describe('an answer that names the task of another job', () => {
  test('fails the second job at once without a charge, and does not affect the first', async () => {
    const { submitNext, receive, find, first, second, unexpected, errors, sql } = await startTwo();
    await submitNext();
    expect(await find(second)).toMatchObject(REFUSED);
    await receive(first, { taskId: 'same', outcome: outcomes.success }, 'a');
    expect(await find(first)).toMatchObject({ state: 'SUCCEEDED', taskId: 'same' });
    expect([unexpected(), errors]).toEqual([[], ['the upstream answered a submit with the task of another job']]);
    expect(
      await sql(`select count(*)::int as count from job_events where type = 'ATTEMPT_ENDED' and job_id = '${second}'`),
    ).toEqual([{ count: 1 }]);
  });

  test('takes effect once, even if it is recorded twice', async () => {
    const { dispatcher, play, find, second, signal } = await startTwo();
    const claimed = await dispatcher.claimNext();
    if (claimed.kind !== 'job') throw new Error(claimed.kind);
    await dispatcher.submit(claimed.job, signal);
    const { version } = (await find(second))!;
    play.submit = () => Promise.resolve(accepted('same'));
    await dispatcher.submit(claimed.job, signal);
    expect(await find(second)).toMatchObject({ ...REFUSED, version });
  });

  test('and is recorded concurrently for three jobs fails all but one of them', async () => {
    const { accept, dispatcher, play, sql, signal, errors, passTime } = await start();
    const ids = [await accept(), await accept(), await accept()];
    play.submit = () => Promise.resolve(accepted('same'));
    const jobs = [];
    for (let count = 0; count < ids.length; count += 1) {
      const claimed = await dispatcher.claimNext();
      if (claimed.kind !== 'job') throw new Error(claimed.kind);
      jobs.push(claimed.job);
      await passTime();
    }
    await Promise.all(jobs.map((job) => dispatcher.submit(job, signal)));
    expect(await sql('select state, count(*)::int as count from jobs group by state order by state')).toEqual([
      { state: 'FAILED', count: 2 },
      { state: 'PROCESSING', count: 1 },
    ]);
    expect(new Set(errors)).toEqual(new Set(['the upstream answered a submit with the task of another job']));
  });

  test('and contains the result gives the result to the job that was submitted', async () => {
    const { submitNext, play, find, second, unexpected } = await startTwo();
    play.submit = () =>
      Promise.resolve<SubmitEnd>({ kind: 'accepted', taskId: 'same', outcome: outcomes.success, traceId: null });
    await submitNext();
    expect(await find(second)).toMatchObject({
      state: 'SUCCEEDED',
      taskId: null,
      video: { url: expect.any(String) as string },
    });
    expect(unexpected()).toEqual([]);
  });

  test('does not end a job for which a look-up has confirmed its own task', async () => {
    const { submitNext, receive, reconcile, play, find, second, unexpected } = await startTwo();
    play.submit = async () => {
      await receive(second, { taskId: 'own', outcome: outcomes.success }, 'a');
      play.lookUp = () => Promise.resolve(new Map([['own', reportOf('own', second, running)]]));
      await reconcile();
      return accepted('same');
    };
    await submitNext();
    expect(await find(second)).toMatchObject({ state: 'PROCESSING', taskId: 'own' });
    expect(unexpected()).toEqual([]);
  });

  test('is accepted if that job belongs to another upstream', async () => {
    const { submitNext, find, second, sql } = await startTwo();
    await sql(`update jobs set upstream_id = 'elsewhere' where task_id = 'same'`);
    await submitNext();
    expect(await find(second)).toMatchObject({ state: 'PROCESSING', taskId: 'same' });
  });
});

describe('a callback that claims the task of another job', () => {
  test('makes the failed job succeed if the look-up shows that the task was created for it', async () => {
    const { submitNext, receive, reconcile, play, find, first, second, unexpected } = await startTwo();
    await submitNext();
    await receive(second, { taskId: 'same', outcome: outcomes.success }, 'b');
    await receive(first, { taskId: 'same', outcome: outcomes.success }, 'a');
    play.lookUp = () => Promise.resolve(new Map([['same', reportOf('same', second)]]));
    await reconcile();
    expect([await find(first), await find(second)]).toMatchObject([
      { state: 'SUCCEEDED', taskId: 'same' },
      { state: 'SUCCEEDED', taskId: null },
    ]);
    expect(unexpected()).toEqual([]);
  });

  test('changes nothing if the look-up shows that the task was created for the other job', async () => {
    const { submitNext, receive, reconcile, play, find, first, second, unexpected, sql } = await startTwo();
    await submitNext();
    await receive(second, { taskId: 'same', outcome: outcomes.success }, 'b');
    play.lookUp = () => Promise.resolve(new Map([['same', reportOf('same', first)]]));
    await reconcile();
    expect(await find(second)).toMatchObject(REFUSED);
    expect(await sql('select verdict from callbacks')).toEqual([{ verdict: 'REFUTED' }]);
    expect(unexpected()).toEqual([]);
  });

  test('for a job whose submit is in doubt has the task looked up again while it runs, and its end then settles the job', async () => {
    const { submitNext, receive, reconcile, play, find, second, unexpected, sql } = await startTwo();
    play.submit = () => Promise.resolve(inDoubt('path'));
    await submitNext();
    await receive(second, { taskId: 'same', outcome: outcomes.success }, 'b');
    play.lookUp = () => Promise.resolve(new Map([['same', reportOf('same', second, running)]]));
    await reconcile();
    expect(await find(second)).toMatchObject({ state: 'UNCONFIRMED', taskId: null });
    play.lookUp = () => Promise.resolve(new Map([['same', reportOf('same', second)]]));
    await sql('update jobs set next_poll_at = now()');
    await reconcile();
    expect(await find(second)).toMatchObject({ state: 'SUCCEEDED', taskId: null });
    expect(unexpected()).toEqual([]);
  });
});

describe('a listing that shows the task of another job', () => {
  test.each([
    ['finished', outcomes.success, { state: 'SUCCEEDED' }],
    ['failed', outcomes.failure, { state: 'FAILED', failure: { code: 'UPSTREAM_FAILED' } }],
  ])('as created for this job and %s ends this job', async (_name, outcome, end) => {
    const { submitNext, reconcile, play, find, second, unexpected } = await startTwo({ listing: true });
    play.submit = () => Promise.resolve(inDoubt('path'));
    await submitNext();
    play.list = () => Promise.resolve([reportOf('same', second, outcome)]);
    await reconcile();
    expect(await find(second)).toMatchObject({ ...end, taskId: null });
    expect(unexpected()).toEqual([]);
  });

  test.each([
    ['runs', running, { failure: { code: 'SUBMIT_OUTCOME_UNKNOWN' } }],
    ['has succeeded', outcomes.success, { state: 'SUCCEEDED' }],
  ])('that %s at the deadline ends this job too', async (_name, outcome, end) => {
    const { submitNext, reconcile, play, find, second, unexpected, sql } = await startTwo({ listing: true });
    play.submit = () => Promise.resolve(inDoubt('path'));
    await submitNext();
    play.list = () => Promise.resolve([reportOf('same', second, outcome)]);
    await sql(
      `update jobs set attempted_at = attempted_at - interval '${2 * HOUR_MS} ms', next_poll_at = null where id = '${second}'`,
    );
    await reconcile();
    expect(await find(second)).toMatchObject(end);
    expect(unexpected()).toEqual([]);
  });
});

test('through the whole gateway, both jobs end, the quota of the second is released, and no unexpected error is logged', async () => {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({
    ...upstream.settings,
    PUBLIC_URL: 'http://gateway.invalid',
    UPSTREAM_MAX_IN_FLIGHT: '10',
  });
  const rest = createRestClient(gateway);
  const here = (url: string) => url.replace('http://gateway.invalid', gateway.url);
  const ids: string[] = [];
  const submits: Submit[] = [];
  for (const prompt of ['once', 'the same again']) {
    ids.push(await rest.take({ prompt }));
    submits.push(await upstream.nextSubmit());
    submits.at(-1)!.answer(200, { task_id: 'same' });
    await expect
      .poll(
        async () =>
          (await rest.retrieve(ids.at(-1)!)).body.started_at ?? (await rest.retrieve(ids.at(-1)!)).body.finished_at,
      )
      .toBeTypeOf('number');
  }
  upstream.records.set('same', recordOf('same', submits[0]!.body.callback_url, successOf('same')));
  await expect.poll(async () => (await rest.retrieve(ids[1]!)).body.finished_at).toBeTypeOf('number');
  for (const { body } of submits) expect(await callBack(here(body.callback_url!), successOf('same'))).toBe(200);
  const records = await Promise.all(ids.map(async (id) => (await rest.retrieve(id)).body));
  expect(records).toMatchObject([
    { response: { success: true } },
    { response: { success: false, error: { code: 'bad_request', message: REFUSED.failure.message } } },
  ]);
  expect(
    (
      await gateway.client.request<{ viewer: { account: { quota: object } } }>(
        '{ viewer { account { quota { used reserved } } } }',
      )
    ).data,
  ).toMatchObject({ viewer: { account: { quota: { used: 1, reserved: 0 } } } });
  expect(gateway.logs.filter(({ err }) => err !== undefined)).toEqual([]);
});
