import { describe, expect, test } from 'vitest';
import { createEventNames } from '../../../src/jobs/model/event-names.ts';
import type { Job } from '../../../src/jobs/model/job.ts';
import {
  detailsOf,
  type JobEvent,
  jobEventTypes,
  eventOf,
  submitEndKinds,
  eventOfChange,
  verdicts,
} from '../../../src/jobs/model/job-event.ts';
import { createListTimeline } from '../../../src/jobs/read/list-events.ts';
import type { AskedEvents } from '../../../src/jobs/ports/job-events.ts';
import type { SubmitEnd } from '../../../src/jobs/model/upstream-news.ts';
import { submittingJob } from '../../support/life.ts';

const names = createEventNames(['a secret of the test']);
const before = submittingJob();
const after: Job = { ...before, state: 'PROCESSING', version: 3 };

test('names that are stored in the database and exposed by the API do not change', () => {
  expect(jobEventTypes).toEqual([
    'ACCEPTED',
    'ATTEMPT_BEGUN',
    'ATTEMPT_ENDED',
    'LEASE_EXPIRED',
    'CALLBACK',
    'CLAIM_JUDGED',
    'POLL',
    'LISTING',
    'DEADLINE',
    'CANCEL_REQUESTED',
    'CANCELED',
  ]);
  expect(submitEndKinds).toEqual(['ACCEPTED', 'NEVER_SENT', 'REFUSED', 'AMBIGUOUS']);
  expect(verdicts).toEqual(['APPLIED', 'REPEATED', 'CONTRADICTED', 'PENDING', 'CONFIRMED', 'REFUTED', 'SET_ASIDE']);
});

test('an event contains the state that it led to, or null if it changed none, and the version after it', () => {
  expect(eventOf(after, 'POLL')).toEqual({ type: 'POLL', state: 'PROCESSING', version: 3 });
  expect(eventOfChange(before, after, 'CALLBACK', { verdict: 'APPLIED' })).toEqual({
    type: 'CALLBACK',
    state: 'PROCESSING',
    version: 3,
    verdict: 'APPLIED',
  });
  expect(eventOfChange(before, { ...before, version: 3 }, 'POLL', { attempt: 1 })).toEqual({
    type: 'POLL',
    state: null,
    version: 3,
    attempt: 1,
  });
  expect(eventOfChange(before, null, 'POLL')).toEqual({ type: 'POLL', state: null, version: 2 });
});

describe('the end of an attempt', () => {
  const failure = {
    code: 'UPSTREAM_REJECTED',
    message: 'the image is too small',
    upstreamCode: null,
    upstreamTraceId: null,
    charge: 'NOT_CHARGED',
  } as const;
  test.each<[string, SubmitEnd, object]>([
    [
      'accepted',
      { kind: 'accepted', taskId: 't', outcome: null, traceId: 'trace' },
      { submitEnd: 'ACCEPTED', httpStatus: 200, upstreamTraceId: 'trace', message: null },
    ],
    [
      'never sent',
      { kind: 'neverSent', reason: 'no route' },
      { submitEnd: 'NEVER_SENT', httpStatus: null, upstreamTraceId: null, message: 'no route' },
    ],
    [
      'ambiguous',
      { kind: 'ambiguous', about: 'path', reason: 'reset', httpStatus: null, traceId: null, taskId: null },
      { submitEnd: 'AMBIGUOUS', httpStatus: null, upstreamTraceId: null, message: 'reset' },
    ],
    [
      'busy',
      { kind: 'refused', refusal: { kind: 'busy' }, httpStatus: 429, traceId: 'trace' },
      { submitEnd: 'REFUSED', httpStatus: 429, upstreamTraceId: 'trace', message: 'too many requests' },
    ],
    [
      'blocked',
      { kind: 'refused', refusal: { kind: 'blocked', reason: 'used_up', failure }, httpStatus: 403, traceId: null },
      { submitEnd: 'REFUSED', httpStatus: 403, upstreamTraceId: null, message: 'used_up' },
    ],
    [
      'rejected',
      { kind: 'refused', refusal: { kind: 'rejected', failure }, httpStatus: 400, traceId: null },
      { submitEnd: 'REFUSED', httpStatus: 400, upstreamTraceId: null, message: 'the image is too small' },
    ],
  ])('that was %s is recorded with the response of the upstream', (_how, end, details) => {
    expect(detailsOf(7, end)).toEqual({ attempt: 7, ...details });
  });

  test('is recorded with at most 500 characters of the message', () => {
    expect(detailsOf(1, { kind: 'neverSent', reason: 'x'.repeat(501) }).message).toBe('x'.repeat(500));
  });
});

describe('a page of events', () => {
  function open(stored: number) {
    const asked: AskedEvents[] = [];
    const list = createListTimeline(async (one) => {
      asked.push(one);
      return Array.from({ length: Math.min(stored, one.limit) }, (_, index) => ({ id: index }) as JobEvent);
    }, names);
    return { asked, list: (first: number, after?: string | null) => list('acme', 'j', { first, after }) };
  }

  test('is read with one more event than requested, which shows whether there is another page', async () => {
    for (const [stored, hasNextPage] of [
      [2, false],
      [3, true],
    ] as const) {
      const { asked, list } = open(stored);
      expect(await list(2)).toEqual({ events: [0, 1].map((id) => ({ id, name: names.nameOf(id) })), hasNextPage });
      expect(asked).toEqual([{ accountId: 'acme', jobId: 'j', afterId: 0, limit: 3 }]);
    }
  });

  test('has a size of 1 to 200 events', async () => {
    const { asked, list } = open(0);
    for (const first of [0, 201])
      await expect(list(first)).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: '"first" must be between 1 and 200.',
      });
    for (const first of [1, 200]) await list(first);
    expect(asked).toHaveLength(2);
  });

  test('begins after its cursor', async () => {
    const { asked, list } = open(0);
    for (const after of [null, undefined, '', names.nameOf(0), names.nameOf(123_456_789_012_345)]) await list(1, after);
    expect(asked.map(({ afterId }) => afterId)).toEqual([0, 0, 0, 0, 123_456_789_012_345]);
    const foreign = createEventNames(['another secret']).nameOf(7);
    for (const bad of [
      'x',
      foreign,
      names.nameOf(7).slice(1),
      `${names.nameOf(7)}A`,
      `${names.nameOf(7)}=`,
      'A'.repeat(22),
    ]) {
      await expect(list(1, bad), bad).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: '"after" is not a cursor of this timeline.',
      });
    }
  });
});
