import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIFT_LIMIT_MS, nextPollMs } from '../../../src/jobs/reconcile/poll-schedule.ts';

const MINUTE = 60_000;
const steps = { firstMs: 180_000, intervalMs: MINUTE };

test('polls run every minute up to 15 min, every 5 min up to 2 h, hourly up to 24 h, and then stop', () => {
  const middle = (ageMs: number) => nextPollMs(ageMs, steps, 0.5);
  expect([3 * MINUTE, 14 * MINUTE].map(middle)).toEqual([MINUTE, MINUTE]);
  expect([15 * MINUTE, 119 * MINUTE].map(middle)).toEqual([5 * MINUTE, 5 * MINUTE]);
  expect([120 * MINUTE, LIFT_LIMIT_MS - 1].map(middle)).toEqual([60 * MINUTE, 60 * MINUTE]);
  expect(middle(LIFT_LIMIT_MS)).toBeNull();
});

test('polls are jittered by up to 20% in either direction', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 0, max: 14 * MINUTE }),
      (random, ageMs) => {
        const ms = nextPollMs(ageMs, steps, random)!;
        expect(ms).toBeGreaterThanOrEqual(0.8 * MINUTE);
        expect(ms).toBeLessThanOrEqual(1.2 * MINUTE);
      },
    ),
  );
});
