/** Recording how an attempt ended: what becomes of its job, and of the gate. Each end is one transaction. */
import { decide } from '../settle/decide.ts';
import type { Trouble } from '../model/admission-gate.ts';
import { createGatekeeper } from './gate-control.ts';
import { isOpen, moves, type Failure, type Job } from '../model/job.ts';
import type { JobStore } from '../ports/store.ts';
import type { JobPatch } from '../ports/job-writer.ts';
import type { Log } from '../../log.ts';
import { createPutBack } from './requeue.ts';
import type { Settling } from '../settle/settle.ts';
import { besidesTaken } from '../settle/taken-tasks.ts';
import { detailsOf, told } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';
import type { SubmitEnd } from '../model/upstream-news.ts';

export interface RecordDeps {
  readonly store: JobStore;
  readonly upstreamId: string;
  readonly settling: Settling;
  /** When a task is first asked for. */
  readonly firstPollMs: () => number;
  /** When a job in doubt is first looked for by listing; null when that is off. */
  readonly firstListingMs: number | null;
  readonly log: Log;
}

/**
 * Repeatable: an end that is recorded already, or that the job has outgrown, changes nothing. `cutOff` when we ended
 * the attempt ourselves, which says nothing about the upstream.
 */
export type RecordSubmit = (job: Job, end: SubmitEnd, cutOff: boolean) => Promise<void>;

/** Why the gate is shut. */
interface Shut {
  readonly trouble: Trouble;
  readonly reason: string;
}

/** A job that a proxy has refused this often, while it was probed among others, is taken for the cause. */
const MAX_SUSPICIONS = 3;

/**
 * The upstream made no task for this job, so there is none to pay for. Whose task it named is not told: it may be
 * another account's.
 */
const taskTaken: Failure = {
  code: 'UPSTREAM_REJECTED',
  charge: 'NOT_CHARGED',
  message: 'The upstream answered with the task of another job and made none for this one; nothing was charged.',
  upstreamCode: null,
  upstreamTraceId: null,
};

export function createRecordSubmit({
  store,
  upstreamId,
  settling,
  firstPollMs,
  firstListingMs,
  log,
}: RecordDeps): RecordSubmit {
  // The gate's row comes before the job's everywhere, as in `take`: two transactions cannot wait for each other.
  const gatekeeper = createGatekeeper(store, upstreamId, log);
  const putBack = createPutBack(store, settling);

  /** The end of an attempt belongs into the timeline also when it changes nothing any more. */
  async function tell(tx: Transaction, job: Job, end: SubmitEnd, after: Job | null): Promise<void> {
    const before = after ? job : await store.lock(tx, job.id);
    if (before) await store.note(tx, job.id, told(before, after, 'ATTEMPT_ENDED', detailsOf(job.attempt, end)));
  }

  async function requeue(
    tx: Transaction,
    job: Job,
    end: SubmitEnd,
    shut: Shut | null,
    patch?: JobPatch,
  ): Promise<void> {
    if (shut) await gatekeeper.shut(tx, job, shut.trouble, shut.reason);
    if (!(await putBack(tx, job, detailsOf(job.attempt, end), patch))) await tell(tx, job, end, null);
  }

  async function reject(tx: Transaction, job: Job, end: SubmitEnd, failure: Failure): Promise<void> {
    await tell(
      tx,
      job,
      end,
      await settling.advance(tx, job.id, moves.fail, {
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
      // Our own submit's answer outranks an id that a look-up let us adopt, by the echo in its record; both are
      // evidence of a task that was paid for.
      log.error({ jobId: job.id, taskId: end.taskId, adopted: row.taskId }, 'a job has two tasks');
      if (!isOpen(row)) return tell(tx, job, end, null);
      row = (await store.amend(tx, job.id, { taskId: end.taskId })) ?? row;
      await store.pollWithin(tx, job.id, 0);
    }
    const decision = decide(row, {
      taskId: end.taskId,
      outcome: end.outcome ?? { kind: 'running' },
      source: 'SUBMIT_ANSWER',
    });
    const settled = await settling.carryOut(tx, row, decision);
    await store.note(tx, job.id, told(row, settled, 'ATTEMPT_ENDED', detailsOf(job.attempt, end)));
    // A callback may have asked for a look-up at once: the earlier one stays.
    if (settled && isOpen(settled)) await store.pollWithin(tx, job.id, firstPollMs());
  }

  async function ambiguous(
    tx: Transaction,
    job: Job,
    end: Extract<SubmitEnd, { kind: 'ambiguous' }>,
    cutOff: boolean,
    taken: ReadonlySet<string>,
  ): Promise<void> {
    if (!cutOff) await gatekeeper.fault(tx, job, end.about, end.reason);
    const taskId = end.taskId === null || taken.has(end.taskId) ? null : end.taskId;
    const doubted = await store.advance(tx, job.id, moves.doubt(job.attempt), taskId === null ? {} : { taskId });
    await tell(tx, job, end, doubted);
    if (!doubted) return;
    if (doubted.taskId !== null) await store.pollWithin(tx, job.id, firstPollMs());
    else if (firstListingMs !== null) await store.pollWithin(tx, job.id, firstListingMs);
  }

  /**
   * The answer names a task that another job has. A result in it was given to this job all the same; without one there
   * is nothing to wait for.
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
    // A task that a look-up proved to be its own is still its own.
    if (row.taskId !== null) return tell(tx, job, end, null);
    if (end.outcome === null || end.outcome.kind === 'running')
      return reject(tx, job, end, { ...taskTaken, upstreamTraceId: end.traceId });
    const settled = await settling.carryOut(
      tx,
      row,
      decide(row, { taskId: null, outcome: end.outcome, source: 'SUBMIT_ANSWER' }),
    );
    await store.note(tx, job.id, told(row, settled, 'ATTEMPT_ENDED', detailsOf(job.attempt, end)));
  }

  return (job, end, cutOff) =>
    besidesTaken((taken) =>
      store.transaction(async (tx) => {
        switch (end.kind) {
          case 'accepted':
            return taken.has(end.taskId) ? acceptedElsewhere(tx, job, end) : accepted(tx, job, end);
          case 'neverSent':
            return requeue(
              tx,
              job,
              end,
              cutOff ? null : { trouble: 'unreachable', reason: `unreachable: ${end.reason}` },
            );
          case 'ambiguous':
            return ambiguous(tx, job, end, cutOff, taken);
          case 'refused':
            switch (end.refusal.kind) {
              case 'busy':
                return requeue(tx, job, end, { trouble: 'busy', reason: 'busy' });
              case 'blocked': {
                const { failure, reason } = end.refusal;
                if (failure && job.suspicions + 1 >= MAX_SUSPICIONS) return reject(tx, job, end, failure);
                return requeue(tx, job, end, { trouble: 'blocked', reason }, failure ? { suspected: true } : {});
              }
              case 'rejected':
                await gatekeeper.open(tx);
                return reject(tx, job, end, end.refusal.failure);
            }
        }
      }),
    );
}
