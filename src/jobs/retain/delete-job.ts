/**
 * Deletes a job at its owner's request. Only an ended job can be deleted, because a job in progress may cost money and
 * must stay on record.
 */
import type { JobReader } from '../ports/job-reader.ts';
import type { Log } from '../../log.ts';
import type { RetentionStore } from '../ports/retention.ts';

export type DeleteResult =
  | { readonly kind: 'deleted'; readonly jobId: string }
  /** The job has not ended, or had not ended when its deletion was attempted. */
  | { readonly kind: 'notTerminal' }
  | { readonly kind: 'notFound' };

/**
 * Deletes a job of `accountId` that has ended. Afterwards the job is unknown, also when a late result of it arrives.
 * Its idempotency key is kept as the key of a deleted job. A repeated deletion resolves with `notFound`.
 */
export type DeleteJob = (accountId: string, jobId: string) => Promise<DeleteResult>;

export function createDeleteJob(
  store: Pick<JobReader, 'find'> & Pick<RetentionStore, 'deleteEndedJob'>,
  log: Log,
): DeleteJob {
  return async (accountId, jobId) => {
    if (await store.deleteEndedJob(accountId, jobId)) {
      log.info({ jobId, accountId }, 'a job was deleted by its owner');
      return { kind: 'deleted', jobId };
    }
    // This read only selects the reason for the rejection; nothing is written after it.
    return (await store.find(accountId, jobId)) ? { kind: 'notTerminal' } : { kind: 'notFound' };
  };
}
