/**
 * Taking: the next job through the upstream's gate. Its intent is committed before anybody sends it, so that whatever
 * happens to this process after that, nobody sends it again unless the attempt surely did not arrive.
 */
import { randomUUID } from 'node:crypto';
import { MAX_ATTEMPTS, moves, type Job } from '../model/job.ts';
import type { JobStore } from '../ports/store.ts';
import { PROBE_LEASE_MS } from './probe-lease.ts';
import type { Settling } from '../settle/settle.ts';
import { moved } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';
import type { Upstream } from '../ports/upstream.ts';
import type { Admission } from '../model/admission-gate.ts';
import { UnavailableError } from '../../errors.ts';

export interface TakeDeps {
  /** Over connections that do not wait behind clients: an answer is heard once, and what is accepted has to get out. */
  readonly store: JobStore;
  readonly upstream: Upstream;
  readonly settling: Settling;
  readonly admission: Admission;
}

export type Taken =
  /** Its intent is committed: submit it. `isProbe` when the gate waits for how that ends. */
  | { readonly kind: 'job'; readonly job: Job; readonly isProbe: boolean }
  /** Whether its intent was committed is not known; what is known is that nobody sends it: retract it. */
  | { readonly kind: 'unsure'; readonly job: Job }
  /** The gate is shut until a look-up is answered: probe it. */
  | { readonly kind: 'probe'; readonly probedBy: string }
  | { readonly kind: 'wait'; readonly waitMs: number };

/** Takes the next job through the gate, if the gate lets one pass now. */
export type Take = () => Promise<Taken>;

/** An idle dispatcher looks again after this long; a nudge comes first in almost every case. */
const IDLE_MS = 1_000;

/** The lease outlives the submit by this much: it runs out when the submitter died, or cannot reach the database. */
const LEASE_MARGIN_MS = 15_000;

export const leaseMsOf = ({ submitTimeoutMs }: Upstream): number => submitTimeoutMs + LEASE_MARGIN_MS;

const wait = (waitMs: number): Taken => ({ kind: 'wait', waitMs });

export function createTake({ store, upstream, settling, admission }: TakeDeps): Take {
  const { maxInFlight, submitsPerSecond, unconfirmedSlotMs, jobDeadlineMs } = admission;
  const leaseMs = leaseMsOf(upstream);

  /**
   * `begins` is told the intent before its commit: should the commit go unanswered, this process alone knows that it
   * sends nothing.
   */
  async function enter(tx: Transaction, begins: (job: Job) => void): Promise<Taken> {
    const gate = await store.lockGate(tx, upstream.id);
    const shutForMs = Math.max(gate.spacedForMs, gate.pausedForMs);
    if (shutForMs > 0) return wait(Math.min(shutForMs, IDLE_MS));
    if (gate.probe === 'LOOK_UP') {
      const probedBy = randomUUID();
      await store.leaseProbe(tx, upstream.id, probedBy, PROBE_LEASE_MS);
      return { kind: 'probe', probedBy };
    }
    // A statement of its own, after the lock: in one statement with it, the count is older than the lock and lets more
    // in than the cap.
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
      const failed = await settling.advance(tx, next.id, moves.fail, {
        failure,
        settledBy: 'DEADLINE',
        completed: true,
      });
      if (failed) await store.note(tx, next.id, moved(failed, 'DEADLINE', { message: failure.message }));
      return wait(0);
    }
    const attempt = next.attempt + 1;
    const job = await store.advance(tx, next.id, moves.submit(attempt), {
      begins: { attempt, leaseMs, leaseToken: randomUUID() },
    });
    if (!job) return wait(0);
    begins(job);
    await store.note(tx, job.id, moved(job, 'ATTEMPT_BEGUN', { attempt }));
    await store.passGate(tx, upstream.id, { tag: job.tag, spacingMs: 1_000 / submitsPerSecond });
    // One job at a time while the gate is probed; when its submitter dies, its lease lets the next one through.
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
