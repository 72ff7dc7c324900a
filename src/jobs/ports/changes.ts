/** Reads of changes to an account's jobs. */
import type { Job } from '../model/job.ts';
import type { ChangePosition, Moment, Snapshot } from '../model/snapshot.ts';

/** Reads for account watchers. Every read names the account, and the rows are exactly those that its snapshot sees. */
export interface ChangeReader {
  /** Returns the current moment. `newestXid` is the last transaction that changed a job of the account, or null. */
  findMoment(accountId: string): Promise<Moment & { readonly newestXid: bigint | null }>;
  /** Returns up to `limit` jobs whose last change `seen` does not see, ordered by transaction and id, after `after`. */
  listChanges(
    accountId: string,
    seen: Snapshot,
    after: ChangePosition | null,
    limit: number,
  ): Promise<Moment & { readonly changes: readonly { readonly xid: bigint; readonly job: Job }[] }>;
}
