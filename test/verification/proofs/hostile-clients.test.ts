/**
 * Runs the proofs of hostile operations, forged callbacks, and races for quota at about a fiftieth of their size, on
 * the built program.
 */
import { expect, test } from 'vitest';
import { proveOperations } from '../../../verification/proofs/operations/operations.ts';
import { proveQuota } from '../../../verification/proofs/quota/quota.ts';
import { proveSiege } from '../../../verification/proofs/siege/siege.ts';

const quiet = { seed: 'test', log: () => undefined };

test(
  'hostile operations get equivalent answers on both transports: small, fast, and without internal errors',
  { timeout: 120_000 },
  async () => {
    const { figures, violations } = await proveOperations({ ...quiet, size: 90 });
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({
      documents: 90,
      kinds: 39,
      answers: { HTTP: { executed: expect.any(Number) as number }, socket: { executed: expect.any(Number) as number } },
    });
  },
);

test(
  'forged callbacks and slow connections change nothing, and the valid callbacks are answered',
  { timeout: 120_000 },
  async () => {
    const { figures, violations } = await proveSiege({
      ...quiet,
      size: 1_000,
      slow: { connections: 100, seconds: 1 },
      maxRatio: null,
    });
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({ forgedAnswers: { 404: expect.any(Number) as number } });
  },
);

test('a race for quota spends exactly the balance', { timeout: 120_000 }, async () => {
  const { figures, violations } = await proveQuota({ ...quiet, size: 2, balance: 20, calls: 100 });
  expect(violations).toEqual([]);
  expect(figures).toMatchObject({ answers: { accepted: 40, QUOTA_EXHAUSTED: 160 } });
});
