/** Spent keys: idempotency keys of deleted jobs, which must not be paid for again. */
import type { SpentKeys } from '../ports/deleted-job-keys.ts';
import type { Transaction } from '../../transaction.ts';

/** Thrown inside the accept transaction, so that what it has stored by then is rolled back. */
class SpentKeyError extends Error {
  override readonly name = 'SpentKeyError';

  constructor(readonly inputHash: string) {
    super('the idempotency key belongs to a deleted job');
  }
}

/**
 * Throws when the account's key is spent. To be called after the insert of a job with this key, in a statement of its
 * own: the insert waits for a deletion of the key's job that is under way, and only a later statement sees what that
 * deletion has committed.
 */
export async function refuseSpentKey(
  store: SpentKeys,
  tx: Transaction,
  accountId: string,
  idempotencyKey: string | null,
): Promise<void> {
  const spent = idempotencyKey === null ? null : await store.findSpentKey(tx, accountId, idempotencyKey);
  if (spent) throw new SpentKeyError(spent.inputHash);
}

/** For the transaction's `catch`: turns the refusal into an answer, by whether the deleted job had the same input. */
export const answerSpentKey =
  (inputHash: string) =>
  (error: unknown): { readonly kind: 'jobDeleted' } | { readonly kind: 'keyReused' } => {
    if (!(error instanceof SpentKeyError)) throw error;
    return error.inputHash === inputHash ? { kind: 'jobDeleted' } : { kind: 'keyReused' };
  };
