/**
 * Shutting and opening the gate. Callers hold `tx` with nothing locked before: the gate's row comes before the job's
 * everywhere.
 */
import {
  addFault,
  type Fault,
  faultOf,
  type GateRow,
  isOutage,
  pauseFor,
  type Trouble,
} from '../model/admission-gate.ts';
import type { GateStore } from '../ports/admission-gate.ts';
import type { Job } from '../model/job.ts';
import type { Log } from '../../log.ts';
import type { Transaction } from '../../transaction.ts';

export interface Gatekeeper {
  /** Shuts the gate because of how a submit of `job` ended. */
  shut(tx: Transaction, job: Job, trouble: Trouble, reason: string): Promise<void>;
  /** A submit ended in doubt: shuts the gate when that is the upstream's trouble rather than this client's. */
  fault(tx: Transaction, job: Job, about: Fault['about'], reason: string): Promise<void>;
  /** A submit has passed, or an operator says so. */
  open(tx: Transaction): Promise<void>;
  /**
   * How the look-up went that probes the gate: one job comes next, or another pause. One that is not the probe any more
   * says nothing.
   */
  probed(tx: Transaction, probedBy: string, answered: boolean): Promise<void>;
}

export function createGatekeeper(store: GateStore, upstreamId: string, log: Log): Gatekeeper {
  /**
   * Several attempts that were in flight together fail for one cause: one pause, counted once. The probe is the one
   * that counts anew.
   */
  const isShutFor = (gate: GateRow, job: Job): boolean => gate.pausedForMs > 0 && gate.probedBy !== job.id;

  async function pause(tx: Transaction, trouble: Trouble, reason: string, { pauseCount }: GateRow): Promise<void> {
    const pause = pauseFor(trouble, reason, pauseCount);
    await store.pauseGate(tx, upstreamId, pause);
    log.warn({ reason, probe: pause.probe, pauseMs: pause.pauseMs, pauseCount: pause.pauseCount }, 'the gate is shut');
  }

  return {
    async shut(tx, job, trouble, reason) {
      const gate = await store.lockGate(tx, upstreamId);
      if (!isShutFor(gate, job)) await pause(tx, trouble, reason, gate);
    },

    async fault(tx, job, about, reason) {
      const gate = await store.lockGate(tx, upstreamId);
      if (isShutFor(gate, job)) return;
      const faults = addFault(gate.faults, faultOf(job, about));
      await store.setFaults(tx, upstreamId, faults);
      if (gate.probedBy === job.id || isOutage(faults)) await pause(tx, 'faulty', reason, gate);
    },

    open: (tx) => store.resumeGate(tx, upstreamId),

    async probed(tx, probedBy, answered) {
      const gate = await store.lockGate(tx, upstreamId);
      if (gate.probedBy !== probedBy || gate.reason === null) return;
      if (!answered) return pause(tx, 'faulty', gate.reason, gate);
      await store.pauseGate(tx, upstreamId, {
        reason: gate.reason,
        probe: 'JOB',
        pauseMs: 0,
        pauseCount: gate.pauseCount,
      });
    },
  };
}
