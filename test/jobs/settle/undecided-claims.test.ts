/** Claims that wait for a look-up while other news about their job arrives. */
import { expect, test } from 'vitest';
import { besidesPending } from '../../../src/jobs/settle/decide.ts';
import type { Failure } from '../../../src/jobs/model/job.ts';
import type { Outcome } from '../../../src/jobs/model/upstream-news.ts';
import { accepted, inDoubt, reportOf, startCore } from '../../support/core.ts';
import { outcomes } from '../../support/life.ts';

const failure: Failure = {
  code: 'MISSING_RESULT',
  message: 'no video',
  upstreamCode: null,
  upstreamTraceId: null,
  charge: 'POSSIBLY_CHARGED',
};
const missing: Outcome = { kind: 'failed', failure };

test('a final failure is not trusted while a success waits for its look-up, even though the job already has an inferred failure', async () => {
  const { accept, submitNext, receive, reconcile, play, find, sql } = await startCore();
  const id = await accept();
  play.submit = () => Promise.resolve(accepted('a'));
  await submitNext();
  play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id, missing)]]));
  await sql('update jobs set next_poll_at = now()');
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'FAILED', failure: { code: 'MISSING_RESULT' } });

  await receive(id, { taskId: 'a', outcome: outcomes.success, odd: 'no final word' }, 'success');
  await receive(id, { taskId: 'a', outcome: outcomes.failure }, 'failure');
  expect(await find(id)).toMatchObject({ state: 'FAILED', failure: { code: 'MISSING_RESULT' } });
  expect(await sql('select body_hash, verdict from callbacks order by body_hash')).toEqual([
    { body_hash: 'failure', verdict: 'PENDING' },
    { body_hash: 'success', verdict: 'PENDING' },
  ]);
  play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id)]]));
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'SUCCEEDED' });
});

test('while a claim waits, every end waits too, and news that is not an end does not', () => {
  const claim = (outcome: Outcome | null) => ({ taskId: 'a', outcome, odd: null });
  const amend = { kind: 'amend', patch: {} } as const;
  const confirm = { kind: 'confirm', why: 'another claim is awaiting confirmation' };
  for (const outcome of [outcomes.success, outcomes.failure, missing])
    expect(besidesPending(amend, claim(outcome))).toEqual(confirm);
  for (const outcome of [{ kind: 'running' } as const, null]) expect(besidesPending(amend, claim(outcome))).toBe(amend);
  const repeat = { kind: 'repeat' } as const;
  expect(besidesPending(repeat, claim(outcomes.failure))).toBe(repeat);
});

test('a claim is judged even if the look-up of the known tasks fails', async () => {
  const { accept, submitNext, passTime, receive, reconcile, play, find, sql } = await startCore();
  const [known, doubted] = [await accept(), await accept()];
  play.submit = () => Promise.resolve(accepted('a'));
  await submitNext();
  await passTime();
  play.submit = () => Promise.resolve(inDoubt('path'));
  await submitNext();
  await receive(doubted, { taskId: 'b', outcome: outcomes.success }, 'b');
  await sql('update jobs set next_poll_at = now()');
  play.lookUp = (ids) =>
    ids.includes('a')
      ? Promise.reject(new Error('no answer'))
      : Promise.resolve(new Map(ids.map((taskId) => [taskId, reportOf(taskId, doubted)])));
  await reconcile();
  expect([await find(known), await find(doubted)]).toMatchObject([
    { state: 'PROCESSING' },
    { state: 'SUCCEEDED', taskId: 'b' },
  ]);
});

test('a task whose id becomes known during a look-up does not count as missing at the upstream', async () => {
  const { accept, submitNext, receive, reconcile, play, find, sql } = await startCore();
  const id = await accept();
  play.submit = () => Promise.resolve(inDoubt('path'));
  await submitNext();
  await receive(id, { taskId: 'claimed', outcome: outcomes.success }, 'claim');
  play.lookUp = async () => {
    await sql(`update jobs set task_id = 'learned', state = 'PROCESSING', rank = 1000`);
    return new Map();
  };
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'PROCESSING', taskId: 'learned' });
  expect(await sql('select task_missing_at from jobs')).toEqual([{ task_missing_at: null }]);
  // A task that was looked up and not found does.
  play.lookUp = () => Promise.resolve(new Map());
  await sql('update jobs set next_poll_at = now()');
  await reconcile();
  expect(await sql('select task_missing_at is not null as missing from jobs')).toEqual([{ missing: true }]);
});
