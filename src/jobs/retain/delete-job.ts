/**
 * Deleting a job on its owner's word: only one that has ended, because what is under way may cost money and must stay
 * known.
 */
import type { JobReader } from '../ports/job-reader.ts';
import type { Log } from '../../log.ts';
import type { RetentionStore } from '../ports/retention.ts';

export type DeleteResult =
  | { readonly kind: 'deleted'; readonly jobId: string }
  /** It has not ended, or had not when it was asked for. */
  | { readonly kind: 'notTerminal' }
  | { readonly kind: 'notFound' };

/**
 * Deletes a job of `accountId` that has ended. Afterwards it is unknown to everybody, a late result of it included; its
 * idempotency key stays spent. Asked again it resolves with `notFound`.
 */
export type DeleteJob = (accountId: string, jobId: string) => Promise<DeleteResult>;

export function createDeleteJob(
  store: Pick<JobReader, 'find'> & Pick<RetentionStore, 'deleteEndedJob'>,
  log: Log,
): DeleteJob {
  return async (accountId, jobId) => {
    if (await store.deleteEndedJob(accountId, jobId)) {
      log.info({ jobId, accountId }, 'deleted by its owner');
      return { kind: 'deleted', jobId };
    }
    // Only words for the refusal depend on this read; nothing is written after it.
    return (await store.find(accountId, jobId)) ? { kind: 'notTerminal' } : { kind: 'notFound' };
  };
}
