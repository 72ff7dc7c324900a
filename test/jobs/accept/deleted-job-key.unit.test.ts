import { describe, expect, test } from 'vitest';
import { answerSpentKey, refuseSpentKey } from '../../../src/jobs/accept/deleted-job-key.ts';
import type { Transaction } from '../../../src/transaction.ts';

describe('the key of a deleted job', () => {
  const tx = {} as Transaction;
  const find = (found: { inputHash: string } | null) => ({
    findSpentKey: async (given: Transaction, accountId: string, key: string) =>
      given === tx && accountId === 'acme' && key === 'k' ? found : null,
  });
  const errorOf = async (found: { inputHash: string } | null, key: string | null) =>
    refuseSpentKey(find(found), tx, 'acme', key).then(
      () => null,
      (error: unknown) => error,
    );

  test('is rejected, with an answer that depends on whether the input is that of the deleted job', async () => {
    expect(await errorOf(null, 'k')).toBeNull();
    expect(await errorOf({ inputHash: 'h' }, null)).toBeNull();
    const error = await errorOf({ inputHash: 'h' }, 'k');
    expect(error).toMatchObject({ name: 'SpentKeyError', message: 'the idempotency key belongs to a deleted job' });
    expect(answerSpentKey('h')(error)).toEqual({ kind: 'jobDeleted' });
    expect(answerSpentKey('another')(error)).toEqual({ kind: 'keyReused' });
    expect(() => answerSpentKey('h')(new Error('something else'))).toThrow('something else');
  });
});
