/** Reads of what has changed in an account's jobs. */
import type { Job } from '../model/job.ts';
import type { ChangePosition, Moment, Snapshot } from '../model/snapshot.ts';

/**
 * Reads for those who follow an account. Every one names the account, and the rows are exactly what its snapshot sees.
 */
export interface ChangeReader {
  /** With the last transaction that changed a job of the account; null when there is no job. */
  findMoment(accountId: string): Promise<Moment & { readonly newestXid: bigint | null }>;
  /** Up to `limit` jobs whose last change `seen` does not see, by transaction and id, behind `after`. */
  listChanges(
    accountId: string,
    seen: Snapshot,
    after: ChangePosition | null,
    limit: number,
  ): Promise<Moment & { readonly changes: readonly { readonly xid: bigint; readonly job: Job }[] }>;
}
