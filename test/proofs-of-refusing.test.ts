/** The proofs of what strangers and hostile clients can do, at about a fiftieth of their size, on the built program. */
import { expect, test } from 'vitest';
import { proveOperations } from '../proving/proofs/operations.ts';

const quiet = { seed: 'test', log: () => undefined };

test('hostile operations are answered alike on both transports: small, soon, and without a fault', { timeout: 120_000 }, async () => {
  const { figures, violations } = await proveOperations({ ...quiet, size: 180 });
  expect(violations).toEqual([]);
  expect(figures).toMatchObject({ documents: 180, kinds: 36, answers: { HTTP: { executed: expect.any(Number) as number }, socket: { executed: expect.any(Number) as number } } });
});
