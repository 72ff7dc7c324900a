/** Runs the proof of an overloaded gateway at about a hundredth of its size, on the built program. */
import { expect, test } from 'vitest';
import { proveOverload } from '../../../verification/proofs/overload/overload.ts';

const quiet = { seed: 'test', log: () => undefined };

test(
  'an overloaded gateway refuses operations with a time to retry, loses no accepted job, and answers all callbacks',
  { timeout: 180_000 },
  async () => {
    // With so few slots, some operations are refused on any machine. The test does not check durations; the full proof
    // measures them.
    const settings = { MAX_OPERATIONS: '2', MAX_WAITING_OPERATIONS: '4' };
    const { figures, violations } = await proveOverload({ ...quiet, size: 1, rates: [600], settings, maxRatio: null });
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({ crashes: 0 });
  },
);
