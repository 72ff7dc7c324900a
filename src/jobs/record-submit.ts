/** Recording how an attempt ended: what becomes of its job, and of the gate. Each end is one transaction. */
import { decide } from './decide.ts';
import { isOpen, isTerminal, moves, type Failure, type Job } from './job.ts';
import type { JobPatch, JobStore, Log, Transaction } from './ports.ts';
import type { Settling } from './settle.ts';
import type { SubmitEnd } from './upstream-port.ts';

export interface RecordDeps {
  readonly store: JobStore;
  readonly upstreamId: string;
  readonly settling: Settling;
  readonly firstPollMs: number;
  readonly log: Log;
}

/** Repeatable: an end that is recorded already, or that the job has outgrown, changes nothing. */
export type RecordSubmit = (job: Job, end: SubmitEnd) => Promise<void>;

/** A job that a proxy has refused this often, while it was probed among others, is taken for the cause. */
const MAX_SUSPICIONS = 3;

const seconds = (...values: number[]) => (pausesBefore: number) => values[Math.min(pausesBefore, values.length - 1)]! * 1_000;

/** How long the gate stays shut, by how often it was shut before without a submit passing. */
const pauses = {
  unreachable: seconds(1, 2, 5, 10, 30),
  busy: seconds(1, 2, 5, 10, 30, 60),
  blocked: seconds(60, 120, 300, 600),
};

export function createRecordSubmit({ store, upstreamId, settling, firstPollMs, log }: RecordDeps): RecordSubmit {
  // The gate's row comes before the job's everywhere, as in `take`: two transactions cannot wait for each other.

  /** Back to the queue, or to its end when the client has asked for that meanwhile. */
  async function requeue(tx: Transaction, job: Job, reason: string, pauseMs: (pausesBefore: number) => number, patch: JobPatch = {}): Promise<void> {
    await store.pauseGate(tx, upstreamId, reason, pauseMs);
    const queued = await store.advance(tx, job.id, moves.requeue(job.attempt), patch);
    if (queued?.cancelRequestedAt) await settling.advance(tx, job.id, moves.cancel, { settledBy: 'CANCEL', completed: true });
  }

  async function reject(tx: Transaction, job: Job, failure: Failure): Promise<void> {
    await settling.advance(tx, job.id, moves.fail, { failure, settledBy: 'SUBMIT_ANSWER', completed: true, nextPollInMs: null });
  }

  async function accepted(tx: Transaction, job: Job, end: Extract<SubmitEnd, { kind: 'accepted' }>): Promise<void> {
    await store.resumeGate(tx, upstreamId);
    const row = await store.lock(tx, job.id);
    if (!row) return;
    if (row.taskId !== null && row.taskId !== end.taskId) {
      // Our own submit's answer outranks an id that a look-up let us adopt; both are evidence of a task that was paid for.
      log.error({ jobId: job.id, taskId: end.taskId, adopted: row.taskId }, 'a job has two tasks');
      if (isTerminal(row.state)) return;
      await store.amend(tx, job.id, { taskId: end.taskId });
      await store.pollWithin(tx, job.id, 0);
    }
    const decision = decide(row, { taskId: end.taskId, outcome: end.outcome ?? { kind: 'running' }, source: 'SUBMIT_ANSWER' });
    const moved = await settling.carryOut(tx, row, decision);
    // A callback may have asked for a look-up at once: the earlier one stays.
    if (moved && isOpen(moved)) await store.pollWithin(tx, job.id, firstPollMs);
  }

  return (job, end) =>
    store.transaction(async (tx) => {
      switch (end.kind) {
        case 'accepted':
          return accepted(tx, job, end);
        case 'neverSent':
          return requeue(tx, job, `unreachable: ${end.reason}`, pauses.unreachable);
        case 'ambiguous':
          return void (await store.advance(tx, job.id, moves.doubt(job.attempt), {}));
        case 'refused':
          switch (end.refusal.kind) {
            case 'busy':
              return requeue(tx, job, 'busy', pauses.busy);
            case 'blocked': {
              const { failure, reason } = end.refusal;
              if (failure && job.suspicions + 1 >= MAX_SUSPICIONS) return reject(tx, job, failure);
              return requeue(tx, job, reason, pauses.blocked, failure && { suspected: true });
            }
            case 'rejected':
              await store.resumeGate(tx, upstreamId);
              return reject(tx, job, end.refusal.failure);
          }
      }
    });
}
