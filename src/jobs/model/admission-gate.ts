/**
 * The gate of an upstream: what may be in flight, how fast, in which order, and what shuts it. Its state is one row,
 * which every instance locks first; the rules on it are here and pure.
 */
import { createHash } from 'node:crypto';
import type { Job } from './job.ts';

/** What ends a pause: a free look-up that is answered, and then one job that passes; or the job at once. */
export type Probe = 'LOOK_UP' | 'JOB';

/** A submit that ended in doubt. */
export interface Fault {
  readonly accountId: string;
  /** Identifies what the upstream was given. */
  readonly inputHash: string;
  /** The upstream's own envelope speaks of the job; a reset, a time-out or a proxy of the path to it. */
  readonly about: 'job' | 'path';
}

export interface GateRow {
  /** Until the rate lets the next submit pass. */
  readonly spacedForMs: number;
  readonly pausedForMs: number;
  /** Why it is shut, or being probed; null while it is open. */
  readonly reason: string | null;
  readonly probe: Probe | null;
  /** Who probes now: the job that is the probe, or a look-up's own id. */
  readonly probedBy: string | null;
  /** Pauses since the last submit that passed. */
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

/** The newest `MAX_FAULTS`. */
export const addFault = (faults: readonly Fault[], fault: Fault): readonly Fault[] =>
  [...faults, fault].slice(-MAX_FAULTS);

/**
 * Whether faults with no submit passing between them speak of the upstream rather than of one client's inputs: two on
 * the path to it, or its own errors for two accounts or three different inputs. One account reaches that alone only
 * while nobody else submits: turns are fair, so that another's job passes between its faults, and a pass forgets them.
 * Whoever comes into the pause is the next probe.
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
 * How long the gate stays shut in seconds, by how often it was shut before without a submit passing; the last one
 * repeats.
 */
const pauseSteps = {
  unreachable: [1, 2, 5, 10, 30],
  faulty: [1, 2, 5, 10, 30, 60],
  busy: [1, 2, 5, 10, 30, 60],
  blocked: [60, 120, 300, 600],
} as const;

/** What each kind of trouble is probed with: where asking is free and tells something, it comes first. */
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

export interface Admission {
  readonly maxInFlight: number;
  readonly submitsPerSecond: number;
  readonly unconfirmedSlotMs: number;
  readonly jobDeadlineMs: number;
}
