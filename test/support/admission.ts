/** Admission control with a load that the test sets, and with fake timers. */
import { vi } from 'vitest';
import { createAdmission, type AdmissionLimits } from '../../src/http/overload/admission.ts';
import type { OverloadedError, Kind } from '../../src/http/overload/overloaded-error.ts';
import type { Load, Overload, Sample } from '../../src/http/overload/load.ts';

/** Creates a load that the test sets. */
function createLoad() {
  const listeners: ((sample: Sample) => void)[] = [];
  let overload: Overload | null = null;
  const load: Load = {
    overload: () => overload,
    eventLoopDelayMs: () => 0,
    databaseWaitMs: () => 0,
    onSample: (listener) => void listeners.push(listener),
    stop: () => undefined,
  };
  return {
    load,
    setOverload: (to: Overload | null) => (overload = to),
    sample: (sample: Sample) => listeners.forEach((listener) => listener(sample)),
  };
}

export const LATE = { delayMs: 100, utilization: 1 };
export const CALM = { delayMs: 0, utilization: 0.1 };

export function startAdmission(limits: Partial<AdmissionLimits> = {}) {
  const { load, setOverload, sample } = createLoad();
  const admission = createAdmission(
    load,
    { maxRunning: 1, maxWaiting: 100, waitMs: { submit: 8_000, read: 2_000, handshake: 2_000 }, ...limits },
    1,
  );
  const outcomes: string[] = [];
  const leaves: (() => void)[] = [];
  /**
   * Requests a slot. `outcomes` receives the name once the slot is granted, or the name and the reason if it is
   * refused.
   */
  const ask = (kind: Kind, name: string = kind) =>
    admission.enter(kind).then(
      (leave) => void (outcomes.push(name), leaves.push(leave)),
      (error: OverloadedError) => void outcomes.push(`${name}: ${error.reason}`),
    );
  const settle = () => vi.advanceTimersByTimeAsync(0);
  /** Ends the operation that has been running longest. */
  const end = async () => {
    leaves.shift()!();
    await settle();
  };
  return { admission, setOverload, sample, ask, end, settle, outcomes };
}
