/**
 * Controls how many operations may run at once. With each sample of the event loop, the number is halved while the loop
 * is late because of its own work, rises by one if all slots were in use, and otherwise returns to `INITIAL`. In this
 * way it adapts to what the machine can serve, and a burst of clients never finds many free slots.
 *
 * Short turns of the event loop matter more than the number of slots: a callback takes one turn for each statement of
 * its transaction, and since libuv 1.45 a server accepts one connection per turn. When turns are long, connections fill
 * the accept queue of 511; the kernel drops further SYNs, and clients retransmit them after 1, 3 and 7 s. Measured by
 * `prove:overload` at 1,000 requests per second: with a target of 5 ms and at least four slots, the p99 of callbacks
 * was 7 s.
 */
import type { Sample } from './load.ts';

export interface Slots {
  count(): number;
  /** Returns true if the loop was late because of its own work within the last second. */
  wasLate(): boolean;
  /** Records the start of an operation; must be called for each one. */
  noteStart(running: number): void;
  /** Adapts the number of slots to a sample. `idleMs` is the time since the last start of an operation. */
  adapt(sample: Sample, running: number, idleMs: number): void;
}

const INITIAL = 4;
/** A second, in samples. */
const LATE_SAMPLES = 20;
const DECREASE = 0.5;
/**
 * If no operation has started for this long, the running ones wait for locks or connections and do not make the loop
 * late, so one more may start.
 */
const STUCK_MS = 200;
/**
 * A loop that spends a fifth of its time waiting for events is not late because of its own work. If other processes
 * make it late, running fewer operations does not help.
 */
const MAX_UTILIZATION = 0.8;

export function createSlots(max: number, targetDelayMs: number): Slots {
  let count = Math.min(max, INITIAL);
  let wereAllUsed = false;
  let lateSamples = 0;
  return {
    count: () => count,
    wasLate: () => lateSamples > 0,
    noteStart(running) {
      if (running >= count) wereAllUsed = true;
    },
    adapt({ delayMs, utilization }, running, idleMs) {
      const isLate = delayMs > targetDelayMs && utilization > MAX_UTILIZATION;
      lateSamples = isLate ? LATE_SAMPLES : Math.max(0, lateSamples - 1);
      const least = idleMs > STUCK_MS ? Math.min(max, running + 1) : 1;
      if (isLate) count = Math.max(least, Math.floor(count * DECREASE));
      else if (wereAllUsed) count = Math.min(max, count + 1);
      else if (count > INITIAL) count -= 1;
      else count = Math.min(max, INITIAL, count + 1);
      wereAllUsed = running >= count;
    },
  };
}
