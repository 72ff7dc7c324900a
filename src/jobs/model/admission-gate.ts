/**
 * The admission gate of an upstream: how many jobs may be in flight, how fast and in which order they are submitted,
 * and what shuts the gate. Its state is one row, which every instance locks first. This file contains the rules for
 * that row as pure functions.
 */
import { createHash } from 'node:crypto';
import type { Job } from './job.ts';

/**
 * How a pause ends. `LOOK_UP` first requires the answer to a free look-up and then one job that passes; `JOB` requires
 * only the job.
 */
export type Probe = 'LOOK_UP' | 'JOB';

/** A submit whose end was ambiguous. */
export interface Fault {
  readonly accountId: string;
  /** Hash of the input that was submitted. */
  readonly inputHash: string;
  /**
   * `job` if the upstream's own error envelope is about the job; `path` for a reset, a time-out or a proxy on the path
   * to the upstream.
   */
  readonly about: 'job' | 'path';
}

export interface GateRow {
  /** Time until the rate limit lets the next submit pass. */
  readonly spacedForMs: number;
  readonly pausedForMs: number;
  /** Why the gate is shut or being probed; null while it is open. */
  readonly reason: string | null;
  readonly probe: Probe | null;
  /** Holder of the probe lease: the id of the job that serves as the probe, or an id generated for a look-up. */
  readonly probedBy: string | null;
  /** Number of pauses since the last submit that passed. */
  readonly pauseCount: number;
  readonly faults: readonly Fault[];
}

export interface Pause {
  readonly reason: string;
  readonly probe: Probe;
  readonly pauseMs: number;
  readonly pauseCount: number;
}

const MAX_FAULTS = 20;

export const faultOf = ({ accountId, input }: Job, about: Fault['about']): Fault => ({
  accountId,
  inputHash: createHash('sha256').update(JSON.stringify(input)).digest('base64url'),
  about,
});

/** Appends a fault and keeps the newest `MAX_FAULTS`. */
export const addFault = (faults: readonly Fault[], fault: Fault): readonly Fault[] =>
  [...faults, fault].slice(-MAX_FAULTS);

/**
 * Returns true if faults with no passing submit between them indicate an outage of the upstream rather than a problem
 * with the inputs of one client. The criteria are two faults on the path to the upstream, or errors of the upstream
 * itself for two accounts or three different inputs.
 *
 * A single account meets them only while no other account submits: turns are fair, so another account's job passes
 * between its faults, and a pass clears them. A job that arrives during the pause becomes the next probe.
 */
export function isOutage(faults: readonly Fault[]): boolean {
  const distinct = (of: (fault: Fault) => string): number => new Set(faults.map(of)).size;
  return (
    faults.filter(({ about }) => about === 'path').length >= 2 ||
    distinct(({ accountId }) => accountId) >= 2 ||
    distinct(({ inputHash }) => inputHash) >= 3
  );
}

/**
 * Durations of pauses in seconds, by the number of earlier pauses with no passing submit between them. The last
 * duration repeats.
 */
const pauseSteps = {
  unreachable: [1, 2, 5, 10, 30],
  faulty: [1, 2, 5, 10, 30, 60],
  busy: [1, 2, 5, 10, 30, 60],
  blocked: [60, 120, 300, 600],
} as const;

/** The probe for each kind of trouble. Where a look-up is free and informative, it comes first. */
const probes = { unreachable: 'LOOK_UP', faulty: 'LOOK_UP', busy: 'JOB', blocked: 'JOB' } as const satisfies Record<
  keyof typeof pauseSteps,
  Probe
>;

export type Trouble = keyof typeof pauseSteps;

export function pauseFor(trouble: Trouble, reason: string, pausesBefore: number): Pause {
  const steps = pauseSteps[trouble];
  return {
    reason,
    probe: probes[trouble],
    pauseMs: steps[Math.min(pausesBefore, steps.length - 1)]! * 1_000,
    pauseCount: pausesBefore + 1,
  };
}

/** The limits that the gate keeps at an upstream, and the ages at which a job no longer counts as in flight. */
export interface UpstreamLimits {
  readonly maxInFlight: number;
  readonly submitsPerSecond: number;
  readonly unconfirmedSlotMs: number;
  readonly jobDeadlineMs: number;
}
