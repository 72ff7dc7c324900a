/** The proof of what an overloaded gateway does, at about a hundredth of its size, on the built program. */
import { expect, test } from 'vitest';
import { proveOverload } from '../../../verification/proofs/overload/overload.ts';

const quiet = { seed: 'test', log: () => undefined };

test(
  'a crowd is refused with a time to come again, no accepted job is lost, and callbacks beside it are all answered',
  { timeout: 180_000 },
  async () => {
    // With so few places something is refused on any machine. How long things take is not the test's business; the full
    // proof measures that.
    const settings = { MAX_OPERATIONS: '2', MAX_WAITING_OPERATIONS: '4' };
    const { figures, violations } = await proveOverload({ ...quiet, size: 1, rates: [600], settings, maxRatio: null });
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({ crashes: 0 });
  },
);
