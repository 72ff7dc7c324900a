import { describe, expect, test } from 'vitest';
import { besidesPending, decide, decideOnClaim, type Decision, type News } from '../../../src/jobs/settle/decide.ts';
import { moves, type Failure, type FailureCode, type Job, type Video } from '../../../src/jobs/model/job.ts';
import type { Claim, Outcome } from '../../../src/jobs/model/upstream-news.ts';
import { submittingJob } from '../../support/life.ts';

const DAY_MS = 86_400_000;
const expiry = new Date('2026-03-31T00:00:00Z');
const video: Video = { id: 'v', url: 'https://cdn.example.com/a.mp4?sign=1', durationSeconds: 5, urlExpiresAt: expiry };
const fresh: Video = { ...video, url: 'https://cdn.example.com/a.mp4?sign=2' };
const failure = (code: FailureCode): Failure => ({
  code,
  message: 'no',
  upstreamCode: null,
  upstreamTraceId: null,
  charge: 'NOT_CHARGED',
});
const running: Outcome = { kind: 'running' };
const succeeded: Outcome = { kind: 'succeeded', video };
const failed = (code: FailureCode = 'UPSTREAM_FAILED'): Outcome => ({ kind: 'failed', failure: failure(code) });

const submitting = submittingJob();
const processing: Job = { ...submitting, state: 'PROCESSING', rank: moves.process.rank, taskId: 't' };
const done: Job = { ...processing, state: 'SUCCEEDED', rank: moves.succeed.rank, video };
const failedBy = (code: FailureCode): Job => ({
  ...processing,
  state: 'FAILED',
  rank: code === 'UPSTREAM_FAILED' || code === 'MISSING_RESULT' ? moves.fail.rank : moves.expire.rank,
  failure: failure(code),
});
const canceled: Job = { ...submitting, state: 'CANCELED', rank: moves.cancel.rank };

const news = (outcome: Outcome, source: News['source'] = 'POLL', taskId: string | null = 't'): News => ({
  taskId,
  outcome,
  source,
});

describe('news that the task is running', () => {
  test('moves the job to PROCESSING and records the task id if there was none', () => {
    expect(decide(submitting, news(running))).toEqual({
      kind: 'advance',
      move: moves.process,
      patch: { taskId: 't', submitted: true },
    });
    expect(decide(submitting, news(running, 'SUBMIT_ANSWER', null))).toEqual({
      kind: 'advance',
      move: moves.process,
      patch: { submitted: true },
    });
    expect(decide({ ...submitting, taskId: 'known' }, news(running))).toEqual({
      kind: 'advance',
      move: moves.process,
      patch: { submitted: true },
    });
  });

  test('only adds the task id to a job that is already PROCESSING', () => {
    expect(decide({ ...processing, taskId: null }, news(running))).toEqual({
      kind: 'amend',
      patch: { taskId: 't', submitted: true },
    });
    expect(decide(processing, news(running))).toEqual({ kind: 'repeat' });
    expect(decide({ ...processing, taskId: null }, news(running, 'POLL', null))).toEqual({ kind: 'repeat' });
  });
});

describe('news of a success', () => {
  test.each([submitting, processing, failedBy('TIMED_OUT'), failedBy('MISSING_RESULT')])(
    'ends a job that is $state, and schedules the renewal of its link one day before it expires',
    (job) => {
      expect(decide(job, news(succeeded, 'CALLBACK', job.taskId))).toEqual({
        kind: 'advance',
        move: moves.succeed,
        patch: {
          submitted: true,
          settledBy: 'CALLBACK',
          completed: true,
          video,
          failure: null,
          nextPollAt: new Date(expiry.getTime() - DAY_MS),
        },
      });
    },
  );

  test('with a link that does not expire schedules no further poll', () => {
    const lasting = { ...video, urlExpiresAt: null };
    expect(decide(processing, news({ kind: 'succeeded', video: lasting }))).toMatchObject({
      patch: { video: lasting, nextPollAt: null, settledBy: 'POLL' },
    });
  });

  test('renews the link of a succeeded job if a poll for the same task found a different one', () => {
    const found: Outcome = { kind: 'succeeded', video: fresh };
    expect(decide(done, news(found))).toEqual({
      kind: 'amend',
      patch: { video: fresh, nextPollAt: new Date(expiry.getTime() - DAY_MS) },
    });
    expect(decide(done, news(succeeded))).toEqual({ kind: 'repeat' });
    expect(decide(done, news(found, 'CALLBACK'))).toEqual({ kind: 'repeat' });
    expect(decide(done, news(found, 'POLL', 'another'))).toEqual({ kind: 'repeat' });
    expect(decide({ ...done, video: null }, news(found))).toEqual({ kind: 'repeat' });
  });

  test('after a final failure requires confirmation by a look-up', () => {
    const job = failedBy('UPSTREAM_FAILED');
    expect(decide(job, news(succeeded, 'CALLBACK'))).toEqual({ kind: 'confirm', why: 'success after a final failure' });
    expect(decide(job, news(succeeded, 'POLL'))).toMatchObject({ kind: 'advance', move: moves.succeed });
  });

  test('contradicts a canceled job', () => {
    expect(decide(canceled, news(succeeded))).toEqual({ kind: 'contradict' });
  });
});

describe('news of a failure', () => {
  test('ends a job, and schedules no further poll if the failure is final', () => {
    expect(decide(submitting, news(failed(), 'SUBMIT_ANSWER'))).toEqual({
      kind: 'advance',
      move: moves.fail,
      patch: {
        taskId: 't',
        submitted: true,
        settledBy: 'SUBMIT_ANSWER',
        completed: true,
        failure: failure('UPSTREAM_FAILED'),
        nextPollAt: null,
      },
    });
    expect(decide(processing, news(failed('MISSING_RESULT')))).toEqual({
      kind: 'advance',
      move: moves.fail,
      patch: { submitted: true, settledBy: 'POLL', completed: true, failure: failure('MISSING_RESULT') },
    });
    expect(decide(failedBy('TIMED_OUT'), news(failed()))).toMatchObject({ kind: 'advance', move: moves.fail });
  });

  test('that is certain replaces an uncertain one', () => {
    expect(decide(failedBy('MISSING_RESULT'), news(failed()))).toEqual({
      kind: 'amend',
      patch: {
        submitted: true,
        settledBy: 'POLL',
        completed: true,
        failure: failure('UPSTREAM_FAILED'),
        nextPollAt: null,
      },
    });
    expect(decide(failedBy('MISSING_RESULT'), news(failed('MISSING_RESULT')))).toEqual({ kind: 'repeat' });
    expect(decide(failedBy('UPSTREAM_FAILED'), news(failed()))).toEqual({ kind: 'repeat' });
    expect(decide(failedBy('UPSTREAM_FAILED'), news(failed('MISSING_RESULT')))).toEqual({ kind: 'repeat' });
  });

  test('contradicts a success and a cancellation', () => {
    expect(decide(done, news(failed()))).toEqual({ kind: 'contradict' });
    expect(decide(canceled, news(failed()))).toEqual({ kind: 'contradict' });
    // Such a row should not exist; no conclusion is drawn from it.
    expect(decide({ ...failedBy('UPSTREAM_FAILED'), failure: null }, news(failed()))).toEqual({ kind: 'contradict' });
  });
});

describe('a callback', () => {
  const claim = (outcome: Outcome | null, more: Partial<Claim> = {}): Claim => ({
    taskId: 't',
    outcome,
    odd: null,
    ...more,
  });

  test('for the known task is trusted, unless every callback must be confirmed', () => {
    expect(decideOnClaim(processing, claim(succeeded), 'odd')).toMatchObject({
      kind: 'advance',
      move: moves.succeed,
      patch: { settledBy: 'CALLBACK' },
    });
    expect(decideOnClaim(processing, claim(succeeded), 'always')).toEqual({ kind: 'confirm', why: 'always confirmed' });
  });

  test('that cannot be read must be confirmed', () => {
    expect(decideOnClaim(processing, claim(null), 'odd')).toEqual({ kind: 'confirm', why: 'unreadable' });
    expect(decideOnClaim(done, claim(null, { odd: 'undecodable' }), 'odd')).toEqual({
      kind: 'confirm',
      why: 'undecodable',
    });
  });

  test('that is odd must be confirmed while the job is open, and later only if it would change something', () => {
    expect(decideOnClaim(processing, claim(running, { odd: 'why' }), 'odd')).toEqual({ kind: 'confirm', why: 'why' });
    expect(decideOnClaim(failedBy('TIMED_OUT'), claim(succeeded, { odd: 'why' }), 'odd')).toEqual({
      kind: 'confirm',
      why: 'why',
    });
    expect(decideOnClaim(done, claim(succeeded, { odd: 'why' }), 'odd')).toEqual({ kind: 'repeat' });
    expect(decideOnClaim(done, claim(failed(), { odd: 'why' }), 'odd')).toEqual({ kind: 'contradict' });
    expect(decideOnClaim({ ...done, taskId: null }, claim(running, { odd: 'why' }), 'odd')).toEqual({
      kind: 'confirm',
      why: 'why',
    });
  });

  test('for a task that the submit has not named must be confirmed', () => {
    expect(decideOnClaim(submitting, claim(succeeded), 'odd')).toEqual({
      kind: 'confirm',
      why: 'the task is not known yet',
    });
    expect(decideOnClaim(processing, claim(succeeded, { taskId: 'u' }), 'odd')).toEqual({
      kind: 'confirm',
      why: 'a different task',
    });
    expect(decideOnClaim(done, claim(succeeded, { taskId: 'u' }), 'odd')).toEqual({ kind: 'repeat' });
    expect(decideOnClaim(done, claim(failed()), 'always')).toEqual({ kind: 'contradict' });
  });

  test('that ends a job or amends its end must be confirmed while another claim is pending', () => {
    const pending: Decision = { kind: 'confirm', why: 'another claim is awaiting confirmation' };
    const job = failedBy('MISSING_RESULT');
    for (const [of, said] of [
      [processing, succeeded],
      [processing, failed()],
      [job, failed()],
      [job, succeeded],
    ] as const) {
      expect(besidesPending(decideOnClaim(of, claim(said), 'odd'), claim(said))).toEqual(pending);
    }
    const going = decideOnClaim({ ...submitting, taskId: 't' }, claim(running), 'odd');
    expect(going).toMatchObject({ kind: 'advance' });
    expect(besidesPending(going, claim(running))).toBe(going);
    for (const decision of [{ kind: 'repeat' }, { kind: 'contradict' }, { kind: 'confirm', why: 'odd' }] as const)
      expect(besidesPending(decision, claim(succeeded))).toBe(decision);
    expect(besidesPending(going, claim(null))).toBe(going);
  });
});
