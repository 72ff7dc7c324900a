import { describe, expect, test } from 'vitest';
import {
  characterOrientations,
  chargeStatuses,
  failureCodes,
  isFinalFailure,
  isOpen,
  isTerminal,
  isWorthRetrying,
  jobStates,
  MAX_ATTEMPTS,
  motionModes,
  moves,
  permits,
  settledBys,
  type FailureCode,
} from '../../../src/jobs/model/job.ts';
import { submittingJob } from '../../support/life.ts';

const failureOf = (code: FailureCode) => ({
  code,
  message: 'no',
  upstreamCode: null,
  upstreamTraceId: null,
  charge: 'NOT_CHARGED' as const,
});

test('names that are stored in the database and exposed by the API do not change', () => {
  expect(jobStates).toEqual(['QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING', 'SUCCEEDED', 'FAILED', 'CANCELED']);
  expect(motionModes).toEqual(['STD', 'PRO']);
  expect(characterOrientations).toEqual(['IMAGE', 'VIDEO']);
  expect(settledBys).toEqual(['SUBMIT_ANSWER', 'CALLBACK', 'POLL', 'LISTING', 'DEADLINE', 'CANCEL']);
  expect(chargeStatuses).toEqual(['NOT_CHARGED', 'POSSIBLY_CHARGED', 'CHARGED']);
  expect(failureCodes).toEqual([
    'CONTENT_REJECTED',
    'INVALID_MEDIA',
    'UPSTREAM_REJECTED',
    'UPSTREAM_FAILED',
    'UPSTREAM_LOST',
    'UPSTREAM_CHANGED',
    'SUBMIT_OUTCOME_UNKNOWN',
    'TIMED_OUT',
    'QUEUE_EXPIRED',
    'MISSING_RESULT',
  ]);
});

test('a job ends as SUCCEEDED, FAILED or CANCELED', () => {
  expect(jobStates.filter(isTerminal)).toEqual(['SUCCEEDED', 'FAILED', 'CANCELED']);
});

test('failures that the gateway only inferred are not final', () => {
  expect(failureCodes.filter((code) => !isFinalFailure(code))).toEqual([
    'UPSTREAM_LOST',
    'SUBMIT_OUTCOME_UNKNOWN',
    'TIMED_OUT',
    'MISSING_RESULT',
  ]);
});

test('a retry is not worthwhile if the input itself was rejected', () => {
  expect(failureCodes.filter((code) => !isWorthRetrying(code))).toEqual([
    'CONTENT_REJECTED',
    'INVALID_MEDIA',
    'UPSTREAM_REJECTED',
  ]);
});

test('a job is open until it ends, and remains open after an inferred failure', () => {
  expect(jobStates.filter((state) => isOpen({ state, failure: null }))).toEqual([
    'QUEUED',
    'SUBMITTING',
    'UNCONFIRMED',
    'PROCESSING',
  ]);
  expect(isOpen({ state: 'FAILED', failure: failureOf('TIMED_OUT') })).toBe(true);
  expect(isOpen({ state: 'FAILED', failure: failureOf('UPSTREAM_FAILED') })).toBe(false);
});

describe('a move', () => {
  test('carries its rank and the states, attempt and lease for which it is permitted', () => {
    expect(moves.submit(2)).toEqual({ to: 'SUBMITTING', rank: 4, from: ['QUEUED'], attempt: 1 });
    expect(moves.doubt(2)).toEqual({ to: 'UNCONFIRMED', rank: 5, from: ['SUBMITTING'], attempt: 2 });
    expect(moves.requeue(2, 'token')).toEqual({
      to: 'QUEUED',
      rank: 6,
      from: ['SUBMITTING', 'UNCONFIRMED'],
      attempt: 2,
      leaseToken: 'token',
    });
    expect(moves.process).toEqual({ to: 'PROCESSING', rank: 1000 });
    expect(moves.expire).toEqual({ to: 'FAILED', rank: 1001 });
    expect(moves.fail).toEqual({ to: 'FAILED', rank: 1002 });
    expect(moves.succeed).toEqual({ to: 'SUCCEEDED', rank: 1003 });
    expect(moves.cancel).toEqual({ to: 'CANCELED', rank: 1004, from: ['QUEUED'] });
    expect(MAX_ATTEMPTS).toBe(333);
  });

  test('is permitted only to a higher rank', () => {
    const job = { ...submittingJob(), rank: 10 };
    expect([9, 10, 11].map((rank) => permits(job, { to: 'FAILED', rank }))).toEqual([false, false, true]);
  });

  test('is permitted only from the states, for the attempt and with the lease token that it names, if any', () => {
    const job = { ...submittingJob(), rank: 0, state: 'SUBMITTING' as const, attempt: 2, leaseToken: 'mine' };
    const move = { to: 'QUEUED', rank: 1 } as const;
    expect(permits(job, move)).toBe(true);
    expect(permits(job, { ...move, from: ['QUEUED', 'SUBMITTING'] })).toBe(true);
    expect(permits(job, { ...move, from: ['QUEUED'] })).toBe(false);
    expect(permits(job, { ...move, attempt: 2 })).toBe(true);
    expect(permits(job, { ...move, attempt: 1 })).toBe(false);
    expect(permits(job, { ...move, leaseToken: 'mine' })).toBe(true);
    expect(permits(job, { ...move, leaseToken: 'another' })).toBe(false);
    expect(permits({ ...job, leaseToken: null }, { ...move, leaseToken: 'mine' })).toBe(false);
  });
});
