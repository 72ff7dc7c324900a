/** The plans of the simulated upstream: repeatable, and as often as they say. */
import { expect, test } from 'vitest';
import { rates } from '../../../verification/chaos/modes.ts';
import { createRandom } from '../../../verification/harness/random.ts';
import { faults, noFaults, planSubmit, type FaultRates } from '../../../verification/harness/upstream/plan.ts';

const plans = (seed: string, of: FaultRates, count = 10_000) =>
  Array.from({ length: count }, (_, number) => planSubmit(seed, `#${number}`, 1, of, [0.3, 2.5]));

test('the same seed plans the same, another one something else', () => {
  expect(plans('a', rates, 100)).toEqual(plans('a', rates, 100));
  expect(plans('a', rates, 100)).not.toEqual(plans('b', rates, 100));
});

test('every fault comes as often as its weight says', () => {
  const drawn = plans('frequencies', rates);
  const sum = Object.values(rates.submits).reduce((total, weight) => total + weight, 0);
  for (const fault of Object.keys(faults) as (keyof typeof faults)[]) {
    const expected = rates.submits[fault] / sum;
    const share = drawn.filter((plan) => plan.fault === fault).length / drawn.length;
    expect(Math.abs(share - expected), fault).toBeLessThan(0.01);
  }
});

test('10,000 tasks have about 30,000 callbacks: 0 to 5 each, some lost, contradictory, forged, and some before the answer', () => {
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
  // Only of tasks that succeed: a lie about a failed one would be a success that nobody may doubt.
  expect(share(callbacks.filter(({ kind }) => kind === 'contradictory').length)).toBeCloseTo(0.02 * 0.85, 2);
  expect(
    drawn.some((plan) => plan.callbacks.some(({ kind }) => kind === 'contradictory') && plan.outcome === 'failure'),
  ).toBe(false);
  expect(drawn.filter(({ early }) => early).length).toBeGreaterThan(1_000);
});

test('without faults every task is taken and answered', () => {
  expect(plans('calm', noFaults, 1_000).every(({ fault, taken, early }) => fault === 'none' && taken && !early)).toBe(
    true,
  );
});

test('a job that is refused for the pace is taken in the end', () => {
  const always = { ...noFaults, submits: { ...noFaults.submits, none: 0, busy: 1 } };
  expect([1, 2, 3, 4].map((attempt) => planSubmit('busy', '#1', attempt, always, [0, 0]).taken)).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

test('chance is fair, and streams of other names are others', () => {
  const random = createRandom('fair');
  const drawn = Array.from({ length: 10_000 }, () => random.integer(1, 4));
  for (const value of [1, 2, 3, 4])
    expect(drawn.filter((other) => other === value).length / drawn.length).toBeCloseTo(0.25, 1);
  expect(random.shuffled([1, 2, 3, 4, 5]).sort()).toEqual([1, 2, 3, 4, 5]);
  expect(createRandom('fair:a').next()).not.toBe(createRandom('fair:b').next());
});
