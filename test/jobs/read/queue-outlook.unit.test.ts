import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Job } from '../../../src/jobs/model/job.ts';
import { createFindOutlooks, estimate } from '../../../src/jobs/read/queue-outlook.ts';
import { submittingJob } from '../../support/life.ts';

const NOW = Date.parse('2026-03-01T00:00:00Z');
const SECOND = 1_000;
const duration = { mode: 'STD', medianMs: 60 * SECOND, p95Ms: 120 * SECOND } as const;
const upstreamLimits = { maxInFlight: 10, submitsPerSecond: 2, unconfirmedSlotMs: 1, jobDeadlineMs: 1 };
const job = submittingJob();
const known = { position: null as number | null, duration, isShut: false, upstreamLimits, now: NOW };
const inSeconds = (of: Pick<Job, 'state' | 'attemptedAt'>, more: Partial<typeof known> = {}) => {
  const at = estimate(of, { ...known, ...more });
  return at === null ? null : (at - NOW) / SECOND;
};

describe('the estimate for a queued job', () => {
  const queued = { ...job, state: 'QUEUED' as const };
  test('is based on the rate limit or on the throughput of the slots, whichever takes longer', () => {
    // The first job waits only for the rate limit. At two jobs per second, 100 take 50 s. With 10 slots of 60 s each,
    // the 99 earlier jobs take 594 s.
    expect(inSeconds(queued, { position: 1 })).toBe(60.5);
    expect(inSeconds(queued, { position: 100 })).toBe(60 + 594);
    expect(inSeconds(queued, { position: 100, upstreamLimits: { ...upstreamLimits, maxInFlight: 1_000 } })).toBe(
      60 + 50,
    );
    expect(inSeconds(queued, { position: 0 })).toBe(60);
    // With many slots, only the rate limit counts.
    expect(inSeconds(queued, { position: 999, upstreamLimits: { ...upstreamLimits, maxInFlight: 1_000_000 } })).toBe(
      60 + 499.5,
    );
  });

  test('is null without a position, far back in the queue, or while the gate is shut', () => {
    expect(inSeconds(queued)).toBeNull();
    expect(inSeconds(queued, { position: 999 })).not.toBeNull();
    expect(inSeconds(queued, { position: 1_000 })).toBeNull();
    expect(inSeconds(queued, { position: 1, isShut: true })).toBeNull();
  });
});

describe.each(['SUBMITTING', 'UNCONFIRMED', 'PROCESSING'] as const)('the estimate for a job that is %s', (state) => {
  const begun = (secondsAgo: number) => ({ state, attemptedAt: new Date(NOW - secondsAgo * SECOND) });
  test('is the time by which half of all tasks are done, then 19 of 20, and then null', () => {
    expect([0, 59, 60, 119, 120].map((ago) => inSeconds(begun(ago)))).toEqual([60, 1, 60, 1, null]);
    expect(inSeconds({ state, attemptedAt: null })).toBe(60);
    expect(inSeconds(begun(0), { isShut: true })).toBe(60);
  });
});

test.each(['SUCCEEDED', 'FAILED', 'CANCELED'] as const)('a job that is %s has no estimate', (state) => {
  expect(inSeconds({ state, attemptedAt: new Date(NOW) }, { position: 1 })).toBeNull();
});

describe('outlooks', () => {
  afterEach(() => void vi.useRealTimers());

  function open({ reason = null as string | null, fails = 0 } = {}) {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW });
    const asked = { places: [] as string[][], durations: 0 };
    const store: Parameters<typeof createFindOutlooks>[0] = {
      recentSuccesses: () => expect.unreachable(),
      async queuePositions(queued) {
        asked.places.push(queued.map(({ id }) => id));
        return new Map(queued.map(({ id }, index) => [id, index + 1]));
      },
      async durations(upstreamId) {
        expect(upstreamId).toBe('here');
        asked.durations += 1;
        if (asked.durations <= fails) throw new Error('away');
        return [{ mode: 'PRO', medianMs: 1, p95Ms: 1 }, duration];
      },
      findGate: async () => ({ pausedForMs: 0, reason, probe: null }),
    };
    return { asked, find: createFindOutlooks(store, 'here', upstreamLimits) };
  }
  const at = (seconds: number) => new Date(NOW + seconds * SECOND);
  const queued: Job = { ...job, id: 'q', state: 'QUEUED', upstreamId: 'here' };
  const processing: Job = { ...job, id: 'p', state: 'PROCESSING', upstreamId: 'here', attemptedAt: new Date(NOW) };

  test('are returned in the order of the jobs, with one read of the queue for the queued jobs', async () => {
    const { asked, find } = open();
    expect(await find([processing, queued, { ...queued, id: 'r' }])).toEqual([
      { queuePosition: null, estimatedCompletionAt: at(60) },
      { queuePosition: 1, estimatedCompletionAt: at(60.5) },
      { queuePosition: 2, estimatedCompletionAt: at(66) },
    ]);
    expect(asked.places).toEqual([['q', 'r']]);
  });

  test("have no time for a job of another upstream or while the gate is shut, and use the durations of the job's mode", async () => {
    expect(await open().find([{ ...processing, upstreamId: 'there' }])).toEqual([
      { queuePosition: null, estimatedCompletionAt: null },
    ]);
    const { find } = open();
    expect(await find([{ ...processing, input: { ...job.input, mode: 'PRO' } }])).toEqual([
      { queuePosition: null, estimatedCompletionAt: at(0.001) },
    ]);
    expect(await open({ reason: 'used_up' }).find([queued])).toEqual([
      { queuePosition: 1, estimatedCompletionAt: null },
    ]);
  });

  test('read the durations again after 10 s, and at once if they could not be read', async () => {
    const { asked, find } = open();
    await find([processing]);
    vi.setSystemTime(NOW + 10_000);
    await find([processing]);
    expect(asked.durations).toBe(1);
    vi.setSystemTime(NOW + 10_001);
    await find([processing]);
    expect(asked.durations).toBe(2);

    const failing = open({ fails: 1 });
    await expect(failing.find([processing])).rejects.toThrow('away');
    expect(await failing.find([processing])).toEqual([{ queuePosition: null, estimatedCompletionAt: at(60) }]);
  });
});
