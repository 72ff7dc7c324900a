import { describe, expect, test } from 'vitest';
import type { EarlierRequest } from '../../../src/jobs/ports/rejoin.ts';
import { matchEarlier } from '../../../src/jobs/rejoin/rejoin-rules.ts';

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
