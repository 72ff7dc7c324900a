/**
 * Dispatching: taking queued jobs through the upstream's gate and submitting each at most once. The intent is committed
 * before the network call; whatever happens to this process after that, nobody sends the job again unless the attempt
 * surely did not arrive.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { UnavailableError } from './errors.ts';
import { createGatekeeper } from './gatekeeper.ts';
import { MAX_ATTEMPTS, moves, type Job } from './job.ts';
import type { JobStore, Log } from './ports.ts';
import { createPutBack } from './put-back.ts';
import { createRecordSubmit, type RecordDeps } from './record-submit.ts';
import type { Settling } from './settle.ts';
import { moved } from './timeline.ts';
import type { Transaction } from './transaction.ts';
import type { SubmitEnd, Upstream } from './upstream-port.ts';

export interface Admission {
  readonly maxInFlight: number;
  readonly submitsPerSecond: number;
  readonly unconfirmedSlotMs: number;
  readonly jobDeadlineMs: number;
}

export interface DispatchDeps extends Pick<RecordDeps, 'firstPollMs' | 'firstListingMs'> {
  /** Over connections that do not wait behind clients: an answer is heard once, and what is accepted has to get out. */
  readonly store: JobStore;
  readonly upstream: Upstream;
  readonly settling: Settling;
  readonly admission: Admission;
  readonly log: Log;
}

export type Taken =
  /** Its intent is committed: submit it. */
  | { readonly kind: 'job'; readonly job: Job }
  /** Whether its intent was committed is not known; what is known is that nobody sends it: retract it. */
  | { readonly kind: 'unsure'; readonly job: Job }
  /** The gate is shut until a look-up is answered: probe it. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'wait'; readonly waitMs: number };

export interface Dispatcher {
  /** Takes the next job through the gate, if the gate lets one pass now. */
  take(): Promise<Taken>;
  /** Makes the one attempt that `take` committed to and records how it ended. */
  submit(job: Job, signal: AbortSignal): Promise<void>;
  /** Puts back a job whose intent may have been committed and was not acted on. */
  retract(job: Job, signal: AbortSignal): Promise<void>;
  /** Asks the upstream for nothing in particular, which is free, and tells the gate whether it answered. */
  probe(signal: AbortSignal): Promise<void>;
}

/** An idle dispatcher looks again after this long; a nudge comes first in almost every case. */
const IDLE_MS = 1_000;

/** The lease outlives the submit by this much: it runs out when the submitter died, or cannot reach the database. */
const LEASE_MARGIN_MS = 15_000;

/** Nobody else probes for this long; a look-up takes at most 15 s. */
const PROBE_LEASE_MS = 20_000;

const RETRY_MS = 500;

const wait = (waitMs: number): Taken => ({ kind: 'wait', waitMs });

export function createDispatcher({ store, upstream, settling, admission, firstPollMs, firstListingMs, log }: DispatchDeps): Dispatcher {
  const { maxInFlight, submitsPerSecond, unconfirmedSlotMs, jobDeadlineMs } = admission;
  const leaseMs = upstream.submitTimeoutMs + LEASE_MARGIN_MS;
  const record = createRecordSubmit({ store, upstreamId: upstream.id, settling, firstPollMs, firstListingMs, log });
  const putBack = createPutBack(store, settling);
  const gatekeeper = createGatekeeper(store, upstream.id, log);

  /** `begins` is told the intent before its commit: should the commit go unanswered, this process alone knows that it sends nothing. */
  async function enter(tx: Transaction, begins: (job: Job) => void): Promise<Taken> {
    const gate = await store.lockGate(tx, upstream.id);
    const shutForMs = Math.max(gate.spacedForMs, gate.pausedForMs);
    if (shutForMs > 0) return wait(Math.min(shutForMs, IDLE_MS));
    if (gate.probe === 'LOOK_UP') {
      await store.leaseProbe(tx, upstream.id, null, PROBE_LEASE_MS);
      return { kind: 'probe' };
    }
    // A statement of its own, after the lock: in one statement with it, the count is older than the lock and lets more in than the cap.
    const inFlight = await store.countInFlight(tx, upstream.id, { slotMs: unconfirmedSlotMs, deadlineMs: jobDeadlineMs });
    if (inFlight >= maxInFlight) return wait(IDLE_MS);
    const next = await store.nextQueued(tx, upstream, gate.probe && { avoid: [...new Set(gate.faults.map(({ accountId }) => accountId))] });
    if (!next) return wait(IDLE_MS);
    if (next.attempt >= MAX_ATTEMPTS) {
      const failure = { code: 'UPSTREAM_REJECTED', message: `The upstream refused ${MAX_ATTEMPTS} attempts.`, upstreamCode: null, upstreamTraceId: null, charge: 'NOT_CHARGED' } as const;
      const failed = await settling.advance(tx, next.id, moves.fail, { failure, settledBy: 'DEADLINE', completed: true });
      if (failed) await store.note(tx, next.id, moved(failed, 'DEADLINE', { message: failure.message }));
      return wait(0);
    }
    const attempt = next.attempt + 1;
    const job = await store.advance(tx, next.id, moves.submit(attempt), { begins: { attempt, leaseMs, leaseToken: randomUUID() } });
    if (!job) return wait(0);
    begins(job);
    await store.note(tx, job.id, moved(job, 'ATTEMPT_BEGUN', { attempt }));
    await store.passGate(tx, upstream.id, { tag: job.tag, spacingMs: 1_000 / submitsPerSecond });
    // One job at a time while the gate is probed; when its submitter dies, its lease lets the next one through.
    if (gate.probe === 'JOB') await store.leaseProbe(tx, upstream.id, job.id, leaseMs);
    return { kind: 'job', job };
  }

  /**
   * Keeps trying while the database is away, for as long as a job may take or until a stop: an answer is heard once. It counts also
   * after the lease ran out, because what arrived, or surely did not, outranks the doubt.
   */
  async function persist(job: Job, end: SubmitEnd, signal: AbortSignal): Promise<void> {
    const cutOff = signal.aborted;
    for (const until = Date.now() + jobDeadlineMs; ; ) {
      try {
        return await record(job, end, cutOff);
      } catch (error) {
        if (!(error instanceof UnavailableError) || signal.aborted || Date.now() > until) throw error;
        await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  return {
    async take() {
      if (!(await store.hasQueued(upstream.id))) return wait(IDLE_MS);
      let begun = null as Job | null;
      try {
        return await store.transaction((tx) => enter(tx, (job) => (begun = job)));
      } catch (error) {
        if (!begun || !(error instanceof UnavailableError) || !error.mayHaveCommitted) throw error;
        return { kind: 'unsure', job: begun };
      }
    },

    async submit(job, signal) {
      const end = await upstream.submit({ jobId: job.id, attempt: job.attempt, input: job.input }, signal);
      const fields = { jobId: job.id, attempt: job.attempt, end: end.kind, ...('taskId' in end && { taskId: end.taskId }), ...('reason' in end && { reason: end.reason }), ...('traceId' in end && { traceId: end.traceId }) };
      if (end.kind === 'refused' && end.refusal.kind === 'blocked') log.error({ ...fields, reason: end.refusal.reason }, 'the upstream refuses all jobs; the queue is kept');
      else if (end.kind === 'accepted' || end.kind === 'refused') log.info(fields, 'submit');
      else log.warn(fields, 'submit');
      await persist(job, end, signal);
    },

    async retract(job, signal) {
      log.warn({ jobId: job.id, attempt: job.attempt }, 'the commit of an intent went unanswered; it is put back');
      // The commit may still take effect after we looked: it is looked for until the lease would have run out.
      for (const until = Date.now() + leaseMs; Date.now() < until && !signal.aborted; ) {
        const queued = await store
          .transaction((tx) => putBack(tx, job, { submitEnd: 'NEVER_SENT', message: 'the database did not confirm the intent' }))
          .catch((error: unknown) => {
            if (error instanceof UnavailableError) return false;
            throw error;
          });
        if (queued) return;
        await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    },

    async probe(signal) {
      const answered = await upstream.lookUp([randomUUID()], signal).then(
        () => true,
        () => false,
      );
      if (!signal.aborted) await store.transaction((tx) => gatekeeper.probed(tx, answered));
    },
  };
}
