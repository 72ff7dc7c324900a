/** Tests small rules of a few lines each. */
import { describe, expect, test } from 'vitest';
import { deadlineFailure } from '../../src/jobs/reconcile/deadline-failure.ts';
import { matchEarlier } from '../../src/jobs/rejoin/rejoin-rules.ts';
import type { EarlierRequest } from '../../src/jobs/ports/rejoin.ts';
import { createLimiter } from '../../src/concurrency/limiter.ts';
import { limitReads } from '../../src/jobs/watch/limit-reads.ts';
import { createMailbox } from '../../src/concurrency/mailbox.ts';
import { nextPollMs } from '../../src/jobs/reconcile/poll-schedule.ts';
import { isPublicAddress, isPublicHost } from '../../src/network/public-address.ts';
import { answerSpentKey, refuseSpentKey } from '../../src/jobs/accept/deleted-job-key.ts';
import type { Transaction } from '../../src/transaction.ts';
import { viewOf } from '../../src/jobs/read/job-json.ts';
import { outcomes, submittingJob } from '../support/life.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('a job past its deadline', () => {
  const job = submittingJob();
  test.each([
    [
      null,
      'queue',
      false,
      'QUEUE_EXPIRED',
      'NOT_CHARGED',
      'The job waited in the queue until its deadline; nothing was spent.',
    ],
    [
      null,
      'upstreamChanged',
      false,
      'UPSTREAM_CHANGED',
      'NOT_CHARGED',
      'The job was accepted for another upstream and was never submitted.',
    ],
    [
      null,
      'attempt',
      false,
      'SUBMIT_OUTCOME_UNKNOWN',
      'POSSIBLY_CHARGED',
      'The upstream never answered the submit, so it is not known whether the upstream accepted the job.',
    ],
    [
      null,
      'attempt',
      true,
      'SUBMIT_OUTCOME_UNKNOWN',
      'POSSIBLY_CHARGED',
      'The upstream never answered the submit, so it is not known whether the upstream accepted the job.',
    ],
    ['t', 'attempt', true, 'UPSTREAM_LOST', 'POSSIBLY_CHARGED', 'The upstream no longer knows the task.'],
    [
      't',
      'attempt',
      false,
      'TIMED_OUT',
      'POSSIBLY_CHARGED',
      'The upstream did not finish the job before the deadline.',
    ],
  ] as const)(
    'with task %s, reason %s and missing %s fails with %s, %s',
    (taskId, reason, missing, code, charge, message) => {
      expect(deadlineFailure({ ...job, taskId }, reason, missing)).toEqual({
        code,
        charge,
        message,
        upstreamCode: null,
        upstreamTraceId: null,
      });
    },
  );
});

describe('an earlier matching request', () => {
  const limits = { joinMs: 100, leaseMs: 50 };
  const since = (sinceMs: number) => ({ arrivedMs: 500, sinceMs });
  const open: EarlierRequest = {
    jobId: 'a',
    state: 'OPEN',
    unansweredForMs: null,
    doubtfulSinceMs: null,
    askedForMs: null,
    openAtMs: 1_000,
  };
  const unanswered: EarlierRequest = { ...open, jobId: 'b', state: 'UNANSWERED', unansweredForMs: 99 };

  test('is joined for a limited time once it is known to be unanswered', () => {
    expect(matchEarlier([], since(0), limits)).toEqual({ kind: 'none' });
    expect(matchEarlier([unanswered], since(0), limits)).toEqual({ kind: 'joined', jobId: 'b' });
    expect(matchEarlier([{ ...unanswered, unansweredForMs: 100 }], since(0), limits)).toEqual({ kind: 'none' });
    expect(matchEarlier([{ ...unanswered, unansweredForMs: null }], since(0), limits)).toEqual({ kind: 'none' });
    expect(matchEarlier([{ ...unanswered, jobId: 'newest' }, unanswered], since(0), limits)).toEqual({
      kind: 'joined',
      jobId: 'newest',
    });
  });

  test('is joined once its instance has not responded for the duration of its lease', () => {
    expect(matchEarlier([{ ...open, askedForMs: 50 }], since(0), limits)).toEqual({ kind: 'joined', jobId: 'a' });
    expect(matchEarlier([{ ...open, askedForMs: 49 }], since(0), limits)).toEqual({ kind: 'none' });
    expect(matchEarlier([{ ...unanswered, unansweredForMs: 100, askedForMs: 50 }], since(0), limits)).toEqual({
      kind: 'none',
    });
  });

  test('is unsure if its connection has not been seen open since the repeat arrived', () => {
    expect(matchEarlier([open, { ...open, jobId: 'c' }], since(1_000), limits)).toEqual({ kind: 'none' });
    expect(matchEarlier([open, { ...open, jobId: 'c', openAtMs: 1_001 }], since(1_001), limits)).toEqual({
      kind: 'unsure',
      jobIds: ['a'],
    });
    expect(matchEarlier([{ ...unanswered, unansweredForMs: 100, openAtMs: 0 }], since(1_001), limits)).toEqual({
      kind: 'none',
    });
    expect(matchEarlier([open, unanswered], since(2_000), limits)).toEqual({ kind: 'joined', jobId: 'b' });
  });

  test('is joined after an answer whose arrival is in doubt, unless the repeat arrived before that answer was written', () => {
    for (const doubtfulSinceMs of [499, 500]) {
      expect(matchEarlier([{ ...unanswered, doubtfulSinceMs }], since(0), limits)).toEqual({
        kind: 'joined',
        jobId: 'b',
      });
    }
    expect(matchEarlier([{ ...unanswered, doubtfulSinceMs: 501 }], since(0), limits)).toEqual({ kind: 'none' });
    expect(matchEarlier([{ ...unanswered, unansweredForMs: 100, doubtfulSinceMs: 0 }], since(0), limits)).toEqual({
      kind: 'none',
    });
  });
});

describe('the next poll', () => {
  test('comes after the interval if that is longer than the step for the age of the attempt', () => {
    const middle = (ageMs: number, intervalMs: number) => nextPollMs(ageMs, { firstMs: 1, intervalMs }, 0.5);
    expect([0, 15 * MINUTE, 2 * HOUR].map((age) => middle(age, 10 * MINUTE))).toEqual([10 * MINUTE, 10 * MINUTE, HOUR]);
    expect([0, 15 * MINUTE, 2 * HOUR].map((age) => middle(age, 2 * HOUR))).toEqual([2 * HOUR, 2 * HOUR, 2 * HOUR]);
    expect([15 * MINUTE - 1, 2 * HOUR - 1].map((age) => middle(age, MINUTE))).toEqual([MINUTE, 5 * MINUTE]);
  });

  test('is jittered between 80% and 120%', () => {
    const at = (random: number) => nextPollMs(0, { firstMs: 1, intervalMs: MINUTE }, random);
    expect(at(0)).toBeCloseTo(0.8 * MINUTE, 6);
    expect(at(1)).toBeCloseTo(1.2 * MINUTE, 6);
  });
});

describe('a limiter', () => {
  test('runs calls up to its limit at once and the others in order, and continues after an error', async () => {
    const inTurn = createLimiter(2);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const read = (number: number) =>
      inTurn(async () => {
        begun.push(number);
        await new Promise<void>(
          (resolve, reject) => (ends[number] = number === 1 ? () => reject(new Error('no')) : resolve),
        );
        return number;
      });
    const reads = [0, 1, 2, 3].map(read);
    const failing = expect(reads[1]).rejects.toThrow('no');
    await new Promise(setImmediate);
    expect(begun).toEqual([0, 1]);
    ends[1]!();
    await failing;
    await new Promise(setImmediate);
    expect(begun).toEqual([0, 1, 2]);
    ends[0]!();
    await new Promise(setImmediate);
    expect(begun).toEqual([0, 1, 2, 3]);
    ends[2]!();
    ends[3]!();
    expect(await Promise.all([reads[0], reads[2], reads[3]])).toEqual([0, 2, 3]);
    // Once all have ended, two can run again, and no more.
    const more = [4, 5, 6].map(read);
    await new Promise(setImmediate);
    expect(begun.slice(4)).toEqual([4, 5]);
    for (const number of [4, 5]) ends[number]!();
    await new Promise(setImmediate);
    ends[6]!();
    expect(await Promise.all(more)).toEqual([4, 5, 6]);
  });

  test('in front of a reader passes every call and result through', async () => {
    const asked: unknown[][] = [];
    const answer =
      (name: string) =>
      async (...args: unknown[]) => (asked.push([name, ...args]), name as never);
    const reader = limitReads({ findMoment: answer('moment'), listChanges: answer('changes') }, 1);
    const seen = { xmax: 1n, inProgress: [] };
    expect(await Promise.all([reader.findMoment('a'), reader.listChanges('a', seen, null, 7)])).toEqual([
      'moment',
      'changes',
    ]);
    expect(asked).toEqual([
      ['moment', 'a'],
      ['changes', 'a', seen, null, 7],
    ]);
  });
});

describe('a mailbox', () => {
  test('is empty after return or throw', async () => {
    for (const leave of ['return', 'throw'] as const) {
      const mailbox = createMailbox<string>(() => undefined);
      mailbox.put('a', '1');
      await mailbox[leave]!(new Error('enough')).then(
        (result) => expect(result).toEqual({ value: undefined, done: true }),
        () => undefined,
      );
      expect(await mailbox.next()).toEqual({ value: undefined, done: true });
    }
  });

  test('gives waiting readers nothing but the end once it has ended', async () => {
    const mailbox = createMailbox<string>(() => undefined);
    const waiting = mailbox.next();
    mailbox.end();
    mailbox.put('a', '1');
    expect([await waiting, await mailbox.next()]).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
    expect(mailbox[Symbol.asyncIterator]()).toBe(mailbox);
  });
});

describe('the key of a deleted job', () => {
  const tx = {} as Transaction;
  const find = (found: { inputHash: string } | null) => ({
    findSpentKey: async (given: Transaction, accountId: string, key: string) =>
      given === tx && accountId === 'acme' && key === 'k' ? found : null,
  });
  const errorOf = async (found: { inputHash: string } | null, key: string | null) =>
    refuseSpentKey(find(found), tx, 'acme', key).then(
      () => null,
      (error: unknown) => error,
    );

  test('is rejected, with an answer that depends on whether the input is that of the deleted job', async () => {
    expect(await errorOf(null, 'k')).toBeNull();
    expect(await errorOf({ inputHash: 'h' }, null)).toBeNull();
    const error = await errorOf({ inputHash: 'h' }, 'k');
    expect(error).toMatchObject({ name: 'SpentKeyError', message: 'the idempotency key belongs to a deleted job' });
    expect(answerSpentKey('h')(error)).toEqual({ kind: 'jobDeleted' });
    expect(answerSpentKey('another')(error)).toEqual({ kind: 'keyReused' });
    expect(() => answerSpentKey('h')(new Error('something else'))).toThrow('something else');
  });
});

test('the view of a job contains exactly what the API exposes', () => {
  const job = {
    ...submittingJob(),
    labels: [{ key: 'k', value: 'v' }],
    webhook: { url: 'https://a.com/hook', format: 'FLAT' as const },
    idempotencyKey: 'key',
    taskId: 't',
  };
  const { id, version, sandbox, input, labels, createdAt, updatedAt } = job;
  const common = {
    id,
    version,
    sandbox,
    ...input,
    labels,
    idempotencyKey: 'key',
    taskId: 't',
    createdAt,
    submittedAt: null,
    updatedAt,
  };
  expect(viewOf(job)).toEqual({
    ...common,
    state: 'SUBMITTING',
    isTerminal: false,
    webhookUrl: 'https://a.com/hook',
    video: null,
    failure: null,
    settledBy: null,
    completedAt: null,
  });
  if (outcomes.failure.kind !== 'failed') return expect.unreachable();
  const { failure } = outcomes.failure;
  expect(viewOf({ ...job, state: 'FAILED', failure, webhook: null })).toMatchObject({
    isTerminal: true,
    webhookUrl: null,
    failure: { ...failure, worthRetrying: true, final: true },
  });
  expect(viewOf({ ...job, state: 'FAILED', failure: { ...failure, code: 'INVALID_MEDIA' } })).toMatchObject({
    failure: { worthRetrying: false, final: true },
  });
  expect(viewOf({ ...job, state: 'FAILED', failure: { ...failure, code: 'TIMED_OUT' } })).toMatchObject({
    failure: { worthRetrying: true, final: false },
  });
});

test('a public address is complete and belongs to the public network', () => {
  for (const text of ['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8', '168.63.129.15'])
    expect(isPublicAddress(text), text).toBe(true);
  for (const text of [
    '10',
    '0x7f.1',
    '',
    'a.com',
    '127.0.0.1',
    '::ffff:127.0.0.1',
    '168.63.129.16',
    '::ffff:168.63.129.16',
    '4000::1',
    '::7f00:1',
  ])
    expect(isPublicAddress(text), text).toBe(false);
  for (const host of ['a.com', 'a.com.', 'mylocalhost.com', 'test.com', '8.8.8.8.', '[2606:4700::1111]', 'a.xtest'])
    expect(isPublicHost(host), host).toBe(true);
  for (const host of [
    'localhost',
    'a.localhost.',
    'a.example',
    'example',
    'a.invalid',
    'printer',
    'a..com',
    '',
    '.',
    '[::1]',
    '127.0.0.1.',
  ])
    expect(isPublicHost(host), host).toBe(false);
});
