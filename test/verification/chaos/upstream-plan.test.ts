/** Tests that the plans of the simulated upstream are repeatable and match the configured frequencies. */
import { expect, test } from 'vitest';
import { rates } from '../../../verification/chaos/modes.ts';
import { createRandom } from '../../../verification/harness/random.ts';
import { faults, noFaults, planSubmit, type FaultRates } from '../../../verification/harness/upstream/plan.ts';

const plans = (seed: string, of: FaultRates, count = 10_000) =>
  Array.from({ length: count }, (_, number) => planSubmit(seed, `#${number}`, 1, of, [0.3, 2.5]));

test('the same seed produces the same plans, and another seed produces different ones', () => {
  expect(plans('a', rates, 100)).toEqual(plans('a', rates, 100));
  expect(plans('a', rates, 100)).not.toEqual(plans('b', rates, 100));
});

test('every fault occurs as often as its weight specifies', () => {
  const drawn = plans('frequencies', rates);
  const sum = Object.values(rates.submits).reduce((total, weight) => total + weight, 0);
  for (const fault of Object.keys(faults) as (keyof typeof faults)[]) {
    const expected = rates.submits[fault] / sum;
    const share = drawn.filter((plan) => plan.fault === fault).length / drawn.length;
    expect(Math.abs(share - expected), fault).toBeLessThan(0.01);
  }
});

test('10,000 tasks have about 30,000 callbacks: 0 to 5 each, some lost, contradictory, or forged, and some before the answer', () => {
  const drawn = plans('callbacks', rates);
  const callbacks = drawn.flatMap((plan) => plan.callbacks);
  const share = (chosen: number) => chosen / callbacks.length;
  expect(Math.max(...drawn.map((plan) => plan.callbacks.length))).toBe(5);
  expect(Math.min(...drawn.map((plan) => plan.callbacks.length))).toBe(0);
  expect(callbacks.length).toBeGreaterThan(29_000);
  expect(callbacks.length).toBeLessThan(32_000);
  expect(share(callbacks.filter(({ lost }) => lost).length)).toBeCloseTo(0.03, 2);
  expect(share(callbacks.filter(({ kind }) => kind === 'forgedMac' || kind === 'forgedTask').length)).toBeCloseTo(
    0.02,
    2,
  );
  // Only tasks that succeed have contradictory callbacks: for a failed task, the false report would be a success, which
  // the gateway must not doubt.
  expect(share(callbacks.filter(({ kind }) => kind === 'contradictory').length)).toBeCloseTo(0.02 * 0.85, 2);
  expect(
    drawn.some((plan) => plan.callbacks.some(({ kind }) => kind === 'contradictory') && plan.outcome === 'failure'),
  ).toBe(false);
  expect(drawn.filter(({ early }) => early).length).toBeGreaterThan(1_000);
});

test('every submit is accepted and answered if there are no faults', () => {
  expect(plans('calm', noFaults, 1_000).every(({ fault, taken, early }) => fault === 'none' && taken && !early)).toBe(
    true,
  );
});

test('a job that is refused because of the rate is accepted on the fourth attempt', () => {
  const always = { ...noFaults, submits: { ...noFaults.submits, none: 0, busy: 1 } };
  expect([1, 2, 3, 4].map((attempt) => planSubmit('busy', '#1', attempt, always, [0, 0]).taken)).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

test('random numbers are uniformly distributed, and streams with different names differ', () => {
  const random = createRandom('fair');
  const drawn = Array.from({ length: 10_000 }, () => random.integer(1, 4));
  for (const value of [1, 2, 3, 4])
    expect(drawn.filter((other) => other === value).length / drawn.length).toBeCloseTo(0.25, 1);
  expect(random.shuffled([1, 2, 3, 4, 5]).sort()).toEqual([1, 2, 3, 4, 5]);
  expect(createRandom('fair:a').next()).not.toBe(createRandom('fair:b').next());
});
