/** Refuses idempotency keys of deleted jobs, because a request with such a key must not be paid for again. */
import type { SpentKeys } from '../ports/deleted-job-keys.ts';
import type { Transaction } from '../../transaction.ts';

/** Thrown inside the accept transaction to roll back everything stored so far. */
class SpentKeyError extends Error {
  override readonly name = 'SpentKeyError';

  constructor(readonly inputHash: string) {
    super('the idempotency key belongs to a deleted job');
  }
}

/**
 * Throws if the key belongs to a deleted job of the account. Must be called after the insert of a job with this key, in
 * a separate statement. The insert waits for a deletion of the key's job that is in progress, and only a later
 * statement sees what that deletion committed.
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

/**
 * Converts the refusal into a result in the `catch` of the transaction. The result depends on whether the deleted job
 * had the same input.
 */
export const answerSpentKey =
  (inputHash: string) =>
  (error: unknown): { readonly kind: 'jobDeleted' } | { readonly kind: 'keyReused' } => {
    if (!(error instanceof SpentKeyError)) throw error;
    return error.inputHash === inputHash ? { kind: 'jobDeleted' } : { kind: 'keyReused' };
  };
