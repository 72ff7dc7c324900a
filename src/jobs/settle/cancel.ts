/** Cancels jobs, from QUEUED only, because the upstream cannot stop a task. */
import { moves, type Job } from '../model/job.ts';
import type { JobStore } from '../ports/store.ts';
import type { Settle } from './settle.ts';
import { eventOf, eventOfChange } from '../model/job-event.ts';

export type CancelResult =
  /** Canceled now or earlier. */
  | { readonly kind: 'canceled'; readonly job: Job }
  /**
   * An attempt is in progress, or its fate is unknown. The job is canceled if that attempt certainly did not arrive,
   * and continues otherwise.
   */
  | { readonly kind: 'requested'; readonly job: Job }
  /** The upstream has the job, or the job has ended. */
  | { readonly kind: 'tooLate'; readonly job: Job }
  | { readonly kind: 'notFound' };

export type Cancel = (accountId: string, jobId: string) => Promise<CancelResult>;

export function createCancel(store: JobStore, settle: Settle): Cancel {
  return async (accountId, jobId) => {
    return store.transaction(async (tx): Promise<CancelResult> => {
      const job = await store.lockOwn(tx, accountId, jobId);
      if (!job) return { kind: 'notFound' };
      switch (job.state) {
        case 'CANCELED':
          return { kind: 'canceled', job };
        case 'QUEUED': {
          const canceled = await settle.advance(tx, jobId, moves.cancel, {
            settledBy: 'CANCEL',
            completed: true,
            cancelRequested: true,
          });
          if (!canceled) return { kind: 'tooLate', job };
          await store.note(tx, jobId, eventOf(canceled, 'CANCELED'));
          return { kind: 'canceled', job: canceled };
        }
        case 'SUBMITTING':
        case 'UNCONFIRMED': {
          if (job.cancelRequestedAt) return { kind: 'requested', job };
          const asked = (await store.amend(tx, jobId, { cancelRequested: true })) ?? job;
          await store.note(tx, jobId, eventOfChange(job, asked, 'CANCEL_REQUESTED'));
          return { kind: 'requested', job: asked };
        }
        default:
          return { kind: 'tooLate', job };
      }
    });
  };
}
