/**
 * Shuts and opens the gate. A caller must not have locked anything in `tx`: the gate row is locked before the job row
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
  /** Records a submit with an ambiguous end. Shuts the gate if the cause is the upstream rather than this client. */
  fault(tx: Transaction, job: Job, about: Fault['about'], reason: string): Promise<void>;
  /** Opens the gate because a submit has passed. */
  open(tx: Transaction): Promise<void>;
  /**
   * Records the result of the look-up that probes the gate: either one job follows or another pause. A look-up that is
   * no longer the probe has no effect.
   */
  probed(tx: Transaction, probedBy: string, answered: boolean): Promise<void>;
}

export function createGatekeeper(store: GateStore, upstreamId: string, log: Log): Gatekeeper {
  /**
   * Returns true if the gate is already shut for the failure of this job. Attempts that were in flight together fail
   * for one cause, which leads to one pause, counted once. Only the probe counts again.
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
