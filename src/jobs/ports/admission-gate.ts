/** The gate's row, and the queue in front of it. */
import type { Job } from '../model/job.ts';
import type { Transaction } from '../../transaction.ts';
import type { Fault, GateRow, Pause, Probe } from '../model/admission-gate.ts';
import type { UpstreamName } from '../model/upstream-news.ts';

export interface GateStore {
  /** Locks the gate row, made at first use. Everything that follows in `tx` is alone. */
  lockGate(tx: Transaction, upstreamId: string): Promise<GateRow>;
  countInFlight(
    tx: Transaction,
    upstreamId: string,
    limits: { readonly slotMs: number; readonly deadlineMs: number },
  ): Promise<number>;
  /**
   * The job with the lowest tag; for a probe, one of an account that is not avoided where there is one, and that was
   * tried least.
   */
  nextQueued(
    tx: Transaction,
    upstream: UpstreamName,
    probing: { readonly avoid: readonly string[] } | null,
  ): Promise<Job | null>;
  hasQueued(upstreamId: string): Promise<boolean>;
  /** A job passes: the next one `spacingMs` later, and accounts that were away join in behind its tag. */
  passGate(
    tx: Transaction,
    upstreamId: string,
    pass: { readonly tag: number; readonly spacingMs: number },
  ): Promise<void>;
  /** Keeps everybody else out while somebody probes; when he dies, until `leaseMs` are over. */
  leaseProbe(tx: Transaction, upstreamId: string, probedBy: string, leaseMs: number): Promise<void>;
  /** Has the lease run for `leaseMs` from now on, if it is still his. */
  renewProbe(upstreamId: string, probedBy: string, leaseMs: number): Promise<void>;
  pauseGate(tx: Transaction, upstreamId: string, pause: Pause): Promise<void>;
  setFaults(tx: Transaction, upstreamId: string, faults: readonly Fault[]): Promise<void>;
  /** Forgets pause, probe and faults. */
  resumeGate(tx: Transaction, upstreamId: string): Promise<void>;
  findGate(
    upstreamId: string,
  ): Promise<{ readonly pausedForMs: number; readonly reason: string | null; readonly probe: Probe | null } | null>;
}
