/**
 * Putting back a job whose attempt surely did not arrive: into the queue, or to the end that its client has asked for
 * meanwhile.
 */
import { moves, type Job } from '../model/job.ts';
import type { JobPatch, JobWriter } from '../ports/job-writer.ts';
import type { Settling } from '../settle/settle.ts';
import { type EventDetails, moved } from '../model/job-event.ts';
import type { Timeline } from '../ports/job-events.ts';
import type { Transaction } from '../../transaction.ts';

/**
 * False when the attempt is nobody's any more, or another's: then nothing has changed. Only the attempt's own submitter
 * may say that it did not arrive, hence its lease token.
 */
export type PutBack = (tx: Transaction, job: Job, details: EventDetails, patch?: JobPatch) => Promise<boolean>;

export function createPutBack(store: Pick<JobWriter, 'advance'> & Timeline, settling: Settling): PutBack {
  return async (tx, job, details, patch = {}) => {
    const queued = await store.advance(tx, job.id, moves.requeue(job.attempt, job.leaseToken!), patch);
    if (!queued) return false;
    await store.note(tx, job.id, moved(queued, 'ATTEMPT_ENDED', { attempt: job.attempt, ...details }));
    if (!queued.cancelRequestedAt) return true;
    const canceled = await settling.advance(tx, job.id, moves.cancel, { settledBy: 'CANCEL', completed: true });
    if (canceled) await store.note(tx, job.id, moved(canceled, 'CANCELED'));
    return true;
  };
}
