/** The proofs of `npm run prove:*` at about a hundredth of their size, on the built program. */
import { expect, test } from 'vitest';
import { proveIntake } from '../../../verification/proofs/intake/intake.ts';
import { provePolling } from '../../../verification/proofs/polling/polling.ts';

const quiet = { seed: 'test', log: () => undefined };

test('when every callback is lost, each result is found by polling', { timeout: 120_000 }, async () => {
  const { figures, violations } = await provePolling({ ...quiet, size: 5 }, 0.01);
  expect(violations).toEqual([]);
  expect(figures).toMatchObject({ jobs: 5, settledBy: { POLL: 5 }, lookUps: expect.any(Number) as number });
});

test('callbacks at a steady rate are all answered, and all counted once', { timeout: 180_000 }, async () => {
  // What a busy machine does to its times is not the test's business; the full proof measures them.
  const { violations } = await proveIntake({ ...quiet, size: 9, perSecond: 100, limitMs: 60_000 });
  expect(violations).toEqual([]);
});
