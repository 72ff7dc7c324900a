/** Runs `npm run prove:polling` and `npm run prove:intake` at about a hundredth of their size, on the built program. */
import { expect, test } from 'vitest';
import { proveIntake } from '../../../verification/proofs/intake/intake.ts';
import { provePolling } from '../../../verification/proofs/polling/polling.ts';

const quiet = { seed: 'test', log: () => undefined };

test('polling finds every result if every callback is lost', { timeout: 120_000 }, async () => {
  const { figures, violations } = await provePolling({ ...quiet, size: 5 }, 0.01);
  expect(violations).toEqual([]);
  expect(figures).toMatchObject({ jobs: 5, settledBy: { POLL: 5 }, lookUps: expect.any(Number) as number });
});

test('all callbacks at a steady rate are answered, and each is counted once', { timeout: 180_000 }, async () => {
  // The test does not check the response times, which a busy machine changes; the full proof measures them.
  const { violations } = await proveIntake({ ...quiet, size: 9, perSecond: 100, limitMs: 60_000 });
  expect(violations).toEqual([]);
});
