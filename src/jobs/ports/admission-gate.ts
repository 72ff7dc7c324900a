/** The gate row and the queue in front of it. */
import type { Job } from '../model/job.ts';
import type { Transaction } from '../../transaction.ts';
import type { Fault, GateRow, Pause, Probe } from '../model/admission-gate.ts';
import type { UpstreamName } from '../model/upstream-news.ts';

export interface GateStore {
  /** Locks the gate row, and creates it on first use. Other transactions wait here until `tx` ends. */
  lockGate(tx: Transaction, upstreamId: string): Promise<GateRow>;
  countInFlight(
    tx: Transaction,
    upstreamId: string,
    limits: { readonly slotMs: number; readonly deadlineMs: number },
  ): Promise<number>;
  /**
   * Returns the queued job with the lowest tag. For a probe, prefers accounts that are not in `avoid`, and then jobs
   * with the fewest attempts.
   */
  nextQueued(
    tx: Transaction,
    upstream: UpstreamName,
    probing: { readonly avoid: readonly string[] } | null,
  ): Promise<Job | null>;
  hasQueued(upstreamId: string): Promise<boolean>;
  /**
   * Lets a job pass. The next one may pass `spacingMs` later, and accounts that were inactive rejoin the queue behind
   * the tag of this job.
   */
  passGate(
    tx: Transaction,
    upstreamId: string,
    pass: { readonly tag: number; readonly spacingMs: number },
  ): Promise<void>;
  /** Keeps everything else out while `probedBy` probes. If the holder dies, the lease expires after `leaseMs`. */
  leaseProbe(tx: Transaction, upstreamId: string, probedBy: string, leaseMs: number): Promise<void>;
  /** Extends the lease to `leaseMs` from now if `probedBy` still holds it. */
  renewProbe(upstreamId: string, probedBy: string, leaseMs: number): Promise<void>;
  pauseGate(tx: Transaction, upstreamId: string, pause: Pause): Promise<void>;
  setFaults(tx: Transaction, upstreamId: string, faults: readonly Fault[]): Promise<void>;
  /** Clears the pause, the probe and the faults. */
  resumeGate(tx: Transaction, upstreamId: string): Promise<void>;
  findGate(
    upstreamId: string,
  ): Promise<{ readonly pausedForMs: number; readonly reason: string | null; readonly probe: Probe | null } | null>;
}
