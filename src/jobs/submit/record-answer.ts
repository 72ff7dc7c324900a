/** Records how an attempt ended, and the consequences for its job and for the gate. Each end is one transaction. */
import { decide } from '../settle/decide.ts';
import type { Trouble } from '../model/admission-gate.ts';
import { createGatekeeper } from './gate-control.ts';
import { isOpen, moves, type Failure, type Job } from '../model/job.ts';
import type { JobStore } from '../ports/store.ts';
import type { JobPatch } from '../ports/job-writer.ts';
import type { Log } from '../../log.ts';
import { createRequeue } from './requeue.ts';
import type { Settle } from '../settle/settle.ts';
import { besidesTaken } from '../settle/taken-tasks.ts';
import { detailsOf, eventOfChange } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';
import type { SubmitEnd } from '../model/upstream-news.ts';

export interface RecordDeps {
  readonly store: JobStore;
  readonly upstreamId: string;
  readonly settle: Settle;
  /** Delay before a task is first looked up. */
  readonly firstPollMs: () => number;
  /** Delay before a job in doubt is first searched for by listing; null if listing is off. */
  readonly firstListingMs: number | null;
  readonly log: Log;
}

/**
 * Records how an attempt ended. Idempotent: an end that is already recorded, or that the job has moved past, changes
 * nothing. `cutOff` is true if the gateway itself aborted the attempt, which says nothing about the upstream.
 */
export type RecordSubmit = (job: Job, end: SubmitEnd, cutOff: boolean) => Promise<void>;

/** Why the gate is shut. */
interface Shut {
  readonly trouble: Trouble;
  readonly reason: string;
}

/** A job that a proxy refused this often, while other jobs were probed too, is considered the cause. */
const MAX_SUSPICIONS = 3;

/**
 * The upstream made no task for this job, so there is none to pay for. The message does not name the job that has the
 * task, because it may belong to another account.
 */
const taskTaken: Failure = {
  code: 'UPSTREAM_REJECTED',
  charge: 'NOT_CHARGED',
  message: 'The upstream answered with the task of another job and created none for this job; nothing was charged.',
  upstreamCode: null,
  upstreamTraceId: null,
};

export function createRecordSubmit({
  store,
  upstreamId,
  settle,
  firstPollMs,
  firstListingMs,
  log,
}: RecordDeps): RecordSubmit {
  // The gate row is locked before the job row everywhere, as in `claimNext`, so two transactions cannot deadlock.
  const gatekeeper = createGatekeeper(store, upstreamId, log);
  const requeue = createRequeue(store, settle);

  /** Adds the end of an attempt to the timeline, even if it no longer changes the job. */
  async function recordEvent(tx: Transaction, job: Job, end: SubmitEnd, after: Job | null): Promise<void> {
    const before = after ? job : await store.lock(tx, job.id);
    if (before)
      await store.note(tx, job.id, eventOfChange(before, after, 'ATTEMPT_ENDED', detailsOf(job.attempt, end)));
  }

  /** Requeues the job; `shut` is null if the gate stays as it is. */
  async function shutAndRequeue(
    tx: Transaction,
    job: Job,
    end: SubmitEnd,
    { shut, patch }: { readonly shut: Shut | null; readonly patch?: JobPatch },
  ): Promise<void> {
    if (shut) await gatekeeper.shut(tx, job, shut.trouble, shut.reason);
    if (!(await requeue(tx, job, detailsOf(job.attempt, end), patch))) await recordEvent(tx, job, end, null);
  }

  async function reject(tx: Transaction, job: Job, end: SubmitEnd, failure: Failure): Promise<void> {
    await recordEvent(
      tx,
      job,
      end,
      await settle.advance(tx, job.id, moves.fail, {
        failure,
        settledBy: 'SUBMIT_ANSWER',
        completed: true,
        nextPollAt: null,
      }),
    );
  }

  async function accepted(tx: Transaction, job: Job, end: Extract<SubmitEnd, { kind: 'accepted' }>): Promise<void> {
    await gatekeeper.open(tx);
    let row = await store.lock(tx, job.id);
    if (!row) return;
    if (row.taskId !== null && row.taskId !== end.taskId) {
      // The answer to our own submit outranks a task id that was adopted in a look-up because of the echo in its
      // record. Both are evidence of a task that was paid for.
      log.error({ jobId: job.id, taskId: end.taskId, adopted: row.taskId }, 'a job has two tasks');
      if (!isOpen(row)) return recordEvent(tx, job, end, null);
      row = (await store.amend(tx, job.id, { taskId: end.taskId })) ?? row;
      await store.pollWithin(tx, job.id, 0);
    }
    const decision = decide(row, {
      taskId: end.taskId,
      outcome: end.outcome ?? { kind: 'running' },
      source: 'SUBMIT_ANSWER',
    });
    const settled = await settle.carryOut(tx, row, decision);
    await store.note(tx, job.id, eventOfChange(row, settled, 'ATTEMPT_ENDED', detailsOf(job.attempt, end)));
    // A callback may have requested an immediate look-up; the earlier time stays.
    if (settled && isOpen(settled)) await store.pollWithin(tx, job.id, firstPollMs());
  }

  async function ambiguous(
    tx: Transaction,
    job: Job,
    end: Extract<SubmitEnd, { kind: 'ambiguous' }>,
    { cutOff, taken }: { readonly cutOff: boolean; readonly taken: ReadonlySet<string> },
  ): Promise<void> {
    if (!cutOff) await gatekeeper.fault(tx, job, end.about, end.reason);
    const taskId = end.taskId === null || taken.has(end.taskId) ? null : end.taskId;
    const doubted = await settle.advance(tx, job.id, moves.doubt(job.attempt), taskId === null ? {} : { taskId });
    await recordEvent(tx, job, end, doubted);
    if (!doubted) return;
    if (doubted.taskId !== null) await store.pollWithin(tx, job.id, firstPollMs());
    else if (firstListingMs !== null) await store.pollWithin(tx, job.id, firstListingMs);
  }

  /**
   * Handles an answer that names a task of another job. A result in the answer still counts for this job; without one,
   * there is nothing to wait for.
   */
  async function acceptedElsewhere(
    tx: Transaction,
    job: Job,
    end: Extract<SubmitEnd, { kind: 'accepted' }>,
  ): Promise<void> {
    await gatekeeper.open(tx);
    const row = await store.lock(tx, job.id);
    if (!row) return;
    log.error({ jobId: job.id, taskId: end.taskId }, 'the upstream answered a submit with the task of another job');
    // A task that a look-up proved to be this job's remains this job's.
    if (row.taskId !== null) return recordEvent(tx, job, end, null);
    if (end.outcome === null || end.outcome.kind === 'running')
      return reject(tx, job, end, { ...taskTaken, upstreamTraceId: end.traceId });
    const settled = await settle.carryOut(
      tx,
      row,
      decide(row, { taskId: null, outcome: end.outcome, source: 'SUBMIT_ANSWER' }),
    );
    await store.note(tx, job.id, eventOfChange(row, settled, 'ATTEMPT_ENDED', detailsOf(job.attempt, end)));
  }

  return (job, end, cutOff) =>
    besidesTaken((taken) =>
      store.transaction(async (tx) => {
        switch (end.kind) {
          case 'accepted':
            return taken.has(end.taskId) ? acceptedElsewhere(tx, job, end) : accepted(tx, job, end);
          case 'neverSent':
            return shutAndRequeue(tx, job, end, {
              shut: cutOff ? null : { trouble: 'unreachable', reason: `unreachable: ${end.reason}` },
            });
          case 'ambiguous':
            return ambiguous(tx, job, end, { cutOff, taken });
          case 'refused':
            switch (end.refusal.kind) {
              case 'busy':
                return shutAndRequeue(tx, job, end, { shut: { trouble: 'busy', reason: 'busy' } });
              case 'blocked': {
                const { failure, reason } = end.refusal;
                if (failure && job.suspicions + 1 >= MAX_SUSPICIONS) return reject(tx, job, end, failure);
                return shutAndRequeue(tx, job, end, {
                  shut: { trouble: 'blocked', reason },
                  patch: failure ? { suspected: true } : {},
                });
              }
              case 'rejected':
                await gatekeeper.open(tx);
                return reject(tx, job, end, end.refusal.failure);
            }
        }
      }),
    );
}
