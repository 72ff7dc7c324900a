/**
 * How many operations may run at once. With each sample of the event loop the number is halved while the loop is late by its own work, rises by one
 * if all slots were in use, and otherwise returns to `INITIAL`; so it finds what the machine can serve, and a crowd never meets many free slots.
 *
 * Short turns of the event loop matter more than the number of slots: a callback takes one turn for each statement of its transaction, and since
 * libuv 1.45 a server accepts one connection per turn. When turns are long, connections fill the kernel's queue of 511, and a client whose SYN was
 * dropped sends it again after 1, 3 and 7 s. With a target of 5 ms and at least four slots the slowest callbacks beside a crowd took 7 s for that
 * reason; with 1 ms and at least one slot they take 0.1 s, and as much work is done.
 */
import type { Sample } from './load.ts';

export interface Slots {
  count(): number;
  /** Whether the loop was late by its own work within the last second. */
  isPressed(): boolean;
  /** To be called whenever an operation has begun. */
  begun(running: number): void;
  adapt(sample: Sample, running: number): void;
}

const INITIAL = 4;
/** A second, in samples. */
const PRESSED_SAMPLES = 20;
const DECREASE = 0.5;
/** A loop that waits for events for a fifth of its time is not late by its own work: when other processes make it late, running less does not help. */
const MAX_UTILIZATION = 0.8;

export function createSlots(max: number, targetDelayMs: number): Slots {
  let count = Math.min(max, INITIAL);
  let wereAllUsed = false;
  let pressedSamples = 0;
  return {
    count: () => count,
    isPressed: () => pressedSamples > 0,
    begun(running) {
      if (running >= count) wereAllUsed = true;
    },
    adapt({ delayMs, utilization }, running) {
      const isLate = delayMs > targetDelayMs && utilization > MAX_UTILIZATION;
      pressedSamples = isLate ? PRESSED_SAMPLES : Math.max(0, pressedSamples - 1);
      if (isLate) count = Math.max(1, Math.floor(count * DECREASE));
      else if (wereAllUsed) count = Math.min(max, count + 1);
      else if (count > INITIAL) count -= 1;
      else count = Math.min(max, INITIAL, count + 1);
      wereAllUsed = running >= count;
    },
  };
}
