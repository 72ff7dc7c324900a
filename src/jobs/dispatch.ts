/**
 * Dispatching: taking queued jobs through the upstream's gate and submitting each at most once. The intent is committed
 * before the network call; whatever happens to this process after that, nobody sends the job again unless the attempt
 * surely did not arrive.
 */
import { setTimeout } from 'node:timers/promises';
import { UnavailableError } from './errors.ts';
import { MAX_ATTEMPTS, moves, type Job } from './job.ts';
import type { JobStore, Log } from './ports.ts';
import { createRecordSubmit } from './record-submit.ts';
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

/** The lease outlives the submit by this much: it runs out when the submitter died, or cannot reach the database. */
const LEASE_MARGIN_MS = 15_000;

const RECORD_RETRY_MS = 500;

export function createDispatcher({ store, urgentStore, upstream, settling, admission, firstPollMs, log }: DispatchDeps): Dispatcher {
  const { maxInFlight, submitsPerSecond, unconfirmedSlotMs, jobDeadlineMs } = admission;
  const record = createRecordSubmit({ store: urgentStore, upstreamId: upstream.id, settling, firstPollMs, log });

  /**
   * Keeps trying while the database is away, for as long as a job may take or until a stop: an answer is heard once. It counts also
   * after the lease ran out, because what arrived, or surely did not, outranks the doubt.
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
