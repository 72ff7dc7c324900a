/**
 * Dispatching: taking queued jobs through the upstream's gate and submitting each at most once. The intent is committed
 * before the network call; whatever happens to this process after that, nobody sends the job again unless the attempt
 * surely did not arrive.
 */
import { setTimeout } from 'node:timers/promises';
import { decide } from './decide.ts';
import { UnavailableError } from './errors.ts';
import { isOpen, isTerminal, MAX_ATTEMPTS, moves, type Failure, type Job } from './job.ts';
import type { JobStore, Log, Transaction } from './ports.ts';
import type { Settling } from './settle.ts';
import type { SubmitEnd, Upstream } from './upstream-port.ts';

export interface Admission {
  readonly maxInFlight: number;
  readonly submitsPerSecond: number;
  readonly unconfirmedSlotMs: number;
  readonly jobDeadlineMs: number;
}

export interface DispatchDeps {
  readonly store: JobStore;
  /** Over connections of its own, for what is heard once and must not wait behind clients. */
  readonly urgentStore: JobStore;
  readonly upstream: Upstream;
  readonly settling: Settling;
  readonly admission: Admission;
  readonly firstPollMs: number;
  readonly log: Log;
}

/** A job with a committed intent, or how long to wait for one. */
type Taken = { readonly job: Job } | { readonly waitMs: number };

export interface Dispatcher {
  /** Takes the next job through the gate, if the gate lets one pass now. */
  take(): Promise<Taken>;
  /** Makes the one attempt that `take` committed to and records how it ended. */
  submit(job: Job, signal: AbortSignal): Promise<void>;
}

/** An idle dispatcher looks again after this long; a nudge comes first in almost every case. */
const IDLE_MS = 1_000;

/** The lease outlives the submit by this much, so that only a dead submitter's lease runs out. */
const LEASE_MARGIN_MS = 15_000;

const RECORD_RETRY_MS = 500;

/** A job that a proxy refuses this often is taken for the cause. */
const SUSPECT_ATTEMPTS = 3;

const seconds = (...values: number[]) => (pausesBefore: number) => values[Math.min(pausesBefore, values.length - 1)]! * 1_000;

/** How long the gate stays shut, by how often it was shut before without a submit passing. */
const pauses = {
  unreachable: seconds(1, 2, 5, 10, 30),
  busy: seconds(1, 2, 5, 10, 30, 60),
  blocked: seconds(60, 120, 300, 600),
};

export function createDispatcher({ store, urgentStore, upstream, settling, admission, firstPollMs, log }: DispatchDeps): Dispatcher {
  const { maxInFlight, submitsPerSecond, unconfirmedSlotMs, jobDeadlineMs } = admission;

  /** Back to the queue, or to its end when the client has asked for that meanwhile. */
  async function requeue(tx: Transaction, job: Job, reason: string, pauseMs: (pausesBefore: number) => number): Promise<void> {
    await store.pauseGate(tx, upstream.id, reason, pauseMs);
    const queued = await store.advance(tx, job.id, moves.requeue(job.attempt), {});
    if (queued?.cancelRequestedAt) await settling.advance(tx, job.id, moves.cancel, { settledBy: 'CANCEL', completed: true });
  }

  async function reject(tx: Transaction, job: Job, failure: Failure): Promise<void> {
    await settling.advance(tx, job.id, moves.fail, { failure, settledBy: 'SUBMIT_ANSWER', completed: true, nextPollInMs: null });
  }

  async function accepted(tx: Transaction, job: Job, end: Extract<SubmitEnd, { kind: 'accepted' }>): Promise<void> {
    const row = await store.lock(tx, job.id);
    if (!row) return;
    await store.resumeGate(tx, upstream.id);
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

  async function record(job: Job, end: SubmitEnd): Promise<void> {
    await urgentStore.transaction(async (tx) => {
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
            case 'blocked':
              // Blocked again and again, while others pass: then it is about this job after all.
              if (end.refusal.failure && job.attempt >= SUSPECT_ATTEMPTS) return reject(tx, job, end.refusal.failure);
              return requeue(tx, job, end.refusal.reason, pauses.blocked);
            case 'rejected':
              await store.resumeGate(tx, upstream.id);
              return reject(tx, job, end.refusal.failure);
          }
      }
    });
  }

  /**
   * Keeps trying while the database is away, until the job's deadline or a stop: an answer is heard once. It counts also after the
   * lease ran out, because what arrived, or surely did not, outranks the doubt.
   */
  async function persist(job: Job, end: SubmitEnd, signal: AbortSignal): Promise<void> {
    for (const until = Date.now() + jobDeadlineMs; ; ) {
      try {
        return await record(job, end);
      } catch (error) {
        if (!(error instanceof UnavailableError) || signal.aborted || Date.now() > until) throw error;
        await setTimeout(RECORD_RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  return {
    async take() {
      if (!(await store.hasQueued(upstream.id))) return { waitMs: IDLE_MS };
      return store.transaction(async (tx): Promise<Taken> => {
        const { waitMs, pauseReason } = await store.lockGate(tx, upstream.id);
        if (waitMs > 0) return { waitMs: Math.min(waitMs, IDLE_MS) };
        // A statement of its own, after the lock: in one statement with it, the count is older than the lock and lets more in than the cap.
        const inFlight = await store.countInFlight(tx, upstream.id, { slotMs: unconfirmedSlotMs, deadlineMs: jobDeadlineMs });
        if (inFlight >= maxInFlight) return { waitMs: IDLE_MS };
        const next = await store.nextQueued(tx, upstream, pauseReason !== null);
        if (!next) return { waitMs: IDLE_MS };
        if (next.attempt >= MAX_ATTEMPTS) {
          const failure = { code: 'UPSTREAM_REJECTED', message: `The upstream refused ${MAX_ATTEMPTS} attempts.`, upstreamCode: null, upstreamTraceId: null, charge: 'NOT_CHARGED' } as const;
          await settling.advance(tx, next.id, moves.fail, { failure, settledBy: 'DEADLINE', completed: true });
          return { waitMs: 0 };
        }
        const attempt = next.attempt + 1;
        const job = await store.advance(tx, next.id, moves.submit(attempt), { begins: { attempt, leaseMs: upstream.submitTimeoutMs + LEASE_MARGIN_MS } });
        await store.spaceSubmits(tx, upstream.id, 1_000 / submitsPerSecond);
        return job ? { job } : { waitMs: 0 };
      });
    },

    async submit(job, signal) {
      const end = await upstream.submit({ jobId: job.id, attempt: job.attempt, input: job.input }, signal);
      const fields = { jobId: job.id, attempt: job.attempt, end: end.kind, ...('taskId' in end && { taskId: end.taskId }), ...('reason' in end && { reason: end.reason }), ...('traceId' in end && { traceId: end.traceId }) };
      if (end.kind === 'refused' && end.refusal.kind === 'blocked') log.error({ ...fields, reason: end.refusal.reason }, 'the upstream refuses all jobs; the queue is kept');
      else if (end.kind === 'accepted' || end.kind === 'refused') log.info(fields, 'submit');
      else log.warn(fields, 'submit');
      await persist(job, end, signal);
    },
  };
}
