/**
 * Requeues a job whose attempt certainly did not arrive, or cancels it if its client has requested that in the
 * meantime.
 */
import { moves, type Job } from '../model/job.ts';
import type { JobPatch } from '../ports/job-writer.ts';
import type { Settle } from '../settle/settle.ts';
import { type EventDetails, eventOf } from '../model/job-event.ts';
import type { Timeline } from '../ports/job-events.ts';
import type { Transaction } from '../../transaction.ts';

/**
 * Resolves with false, and changes nothing, if the attempt is over or belongs to another submitter. Only the attempt's
 * own submitter may report that it did not arrive, hence the lease token.
 */
export type Requeue = (tx: Transaction, job: Job, details: EventDetails, patch?: JobPatch) => Promise<boolean>;

export function createRequeue(store: Timeline, settle: Settle): Requeue {
  return async (tx, job, details, patch = {}) => {
    const queued = await settle.advance(tx, job.id, moves.requeue(job.attempt, job.leaseToken!), patch);
    if (!queued) return false;
    await store.note(tx, job.id, eventOf(queued, 'ATTEMPT_ENDED', { attempt: job.attempt, ...details }));
    if (!queued.cancelRequestedAt) return true;
    const canceled = await settle.advance(tx, job.id, moves.cancel, { settledBy: 'CANCEL', completed: true });
    if (canceled) await store.note(tx, job.id, eventOf(canceled, 'CANCELED'));
    return true;
  };
}
