/**
 * Claims the next job through the upstream's gate. The intent to submit is committed before the job is sent. Whatever
 * then happens to this process, no process sends the job again unless the attempt certainly did not arrive.
 */
import { randomUUID } from 'node:crypto';
import { MAX_ATTEMPTS, moves, type Job } from '../model/job.ts';
import type { JobStore } from '../ports/store.ts';
import { PROBE_LEASE_MS } from './probe-lease.ts';
import type { Settle } from '../settle/settle.ts';
import { eventOf } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';
import type { Upstream } from '../ports/upstream.ts';
import type { UpstreamLimits } from '../model/admission-gate.ts';
import { UnavailableError } from '../../errors.ts';

export interface ClaimDeps {
  /**
   * Uses connections that do not queue behind clients, because an answer arrives only once and accepted jobs must be
   * submitted.
   */
  readonly store: JobStore;
  readonly upstream: Upstream;
  readonly settle: Settle;
  readonly upstreamLimits: UpstreamLimits;
}

export type Claimed =
  /** The intent is committed: submit the job. `isProbe` is true if the gate waits for the result. */
  | { readonly kind: 'job'; readonly job: Job; readonly isProbe: boolean }
  /** It is unknown whether the intent was committed, but known that no process sends the job: retract the intent. */
  | { readonly kind: 'unsure'; readonly job: Job }
  /** The gate is shut until a look-up is answered: probe it. */
  | { readonly kind: 'probe'; readonly probedBy: string }
  | { readonly kind: 'wait'; readonly waitMs: number };

/** Claims the next job, if the gate lets one pass now. */
export type ClaimNext = () => Promise<Claimed>;

/** Time after which an idle dispatcher looks again; a nudge almost always comes first. */
const IDLE_MS = 1_000;

/** Time by which the lease outlives the submit. It expires if the submitter died or cannot reach the database. */
const LEASE_MARGIN_MS = 15_000;

export const leaseMsOf = ({ submitTimeoutMs }: Upstream): number => submitTimeoutMs + LEASE_MARGIN_MS;

const wait = (waitMs: number): Claimed => ({ kind: 'wait', waitMs });

export function createClaimNext({ store, upstream, settle, upstreamLimits }: ClaimDeps): ClaimNext {
  const { maxInFlight, submitsPerSecond, unconfirmedSlotMs, jobDeadlineMs } = upstreamLimits;
  const leaseMs = leaseMsOf(upstream);

  /**
   * Enters the gate. Calls `begins` with the job before the intent is committed: if the commit is not confirmed, only
   * this process knows that it sends nothing.
   */
  async function enter(tx: Transaction, begins: (job: Job) => void): Promise<Claimed> {
    const gate = await store.lockGate(tx, upstream.id);
    const shutForMs = Math.max(gate.spacedForMs, gate.pausedForMs);
    if (shutForMs > 0) return wait(Math.min(shutForMs, IDLE_MS));
    if (gate.probe === 'LOOK_UP') {
      const probedBy = randomUUID();
      await store.leaseProbe(tx, upstream.id, probedBy, PROBE_LEASE_MS);
      return { kind: 'probe', probedBy };
    }
    // A separate statement after the lock. In one statement with the lock, the count would be older than the lock and
    // would admit more jobs than the cap.
    const inFlight = await store.countInFlight(tx, upstream.id, {
      slotMs: unconfirmedSlotMs,
      deadlineMs: jobDeadlineMs,
    });
    if (inFlight >= maxInFlight) return wait(IDLE_MS);
    const next = await store.nextQueued(
      tx,
      upstream,
      gate.probe && { avoid: [...new Set(gate.faults.map(({ accountId }) => accountId))] },
    );
    if (!next) return wait(IDLE_MS);
    if (next.attempt >= MAX_ATTEMPTS) {
      const failure = {
        code: 'UPSTREAM_REJECTED',
        message: `The upstream refused ${MAX_ATTEMPTS} attempts.`,
        upstreamCode: null,
        upstreamTraceId: null,
        charge: 'NOT_CHARGED',
      } as const;
      const failed = await settle.advance(tx, next.id, moves.fail, {
        failure,
        settledBy: 'DEADLINE',
        completed: true,
      });
      if (failed) await store.note(tx, next.id, eventOf(failed, 'DEADLINE', { message: failure.message }));
      return wait(0);
    }
    const attempt = next.attempt + 1;
    const job = await settle.advance(tx, next.id, moves.submit(attempt), {
      begins: { attempt, leaseMs, leaseToken: randomUUID() },
    });
    if (!job) return wait(0);
    begins(job);
    await store.note(tx, job.id, eventOf(job, 'ATTEMPT_BEGUN', { attempt }));
    await store.passGate(tx, upstream.id, { tag: job.tag, spacingMs: 1_000 / submitsPerSecond });
    // One job at a time while the gate is probed. If its submitter dies, the lease expires and the next job passes.
    const isProbe = gate.probe === 'JOB';
    if (isProbe) await store.leaseProbe(tx, upstream.id, job.id, PROBE_LEASE_MS);
    return { kind: 'job', job, isProbe };
  }

  return async () => {
    if (!(await store.hasQueued(upstream.id))) return wait(IDLE_MS);
    let begun = null as Job | null;
    try {
      return await store.transaction((tx) => enter(tx, (job) => (begun = job)));
    } catch (error) {
      if (!begun || !(error instanceof UnavailableError) || !error.mayHaveCommitted) throw error;
      return { kind: 'unsure', job: begun };
    }
  };
}
