/**
 * Runs `npm run prove:submits`, `npm run prove:keys`, and `npm run prove:admission` at about a hundredth of their size,
 * on the built program.
 */
import { expect, test } from 'vitest';
import { proveAdmission } from '../../../verification/proofs/admission/admission.ts';
import { proveKeys } from '../../../verification/proofs/keys/keys.ts';
import { proveSubmits } from '../../../verification/proofs/submits/submits.ts';

const quiet = { seed: 'test', log: () => undefined };

test('no ambiguous submit is sent again, and every task is linked to its job', { timeout: 240_000 }, async () => {
  const { figures, violations } = await proveSubmits({ ...quiet, size: 10 }, true);
  expect(violations).toEqual([]);
  expect(figures).toMatchObject({ resent: 0, crashes: { K3: 1, K4: 1, K5: 1 } });
  expect(figures.linked).toBe(figures.taken);
});

test(
  'exactly one of several parallel calls with the same key creates a job, and one of two payloads wins',
  { timeout: 120_000 },
  async () => {
    const { figures, violations } = await proveKeys({ ...quiet, size: 10 });
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({ keys: 13, jobs: 13, submits: 13 });
  },
);

test('eight dispatchers that are killed repeatedly never exceed the cap', { timeout: 120_000 }, async () => {
  const { violations } = await proveAdmission({ ...quiet, size: 2 });
  expect(violations).toEqual([]);
});
