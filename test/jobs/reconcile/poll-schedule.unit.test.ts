import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIFT_LIMIT_MS, nextPollMs } from '../../../src/jobs/reconcile/poll-schedule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
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
