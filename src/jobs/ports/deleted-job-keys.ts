/** Idempotency keys that outlive their jobs. */
import type { Transaction } from '../../transaction.ts';

/** Idempotency keys whose jobs were deleted. */
export interface SpentKeys {
  findSpentKey(
    tx: Transaction,
    accountId: string,
    idempotencyKey: string,
  ): Promise<{ readonly inputHash: string } | null>;
}
