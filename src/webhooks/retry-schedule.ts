/** When to try again. Pure. */

/** Of the time between two tries; so that what failed together is not tried together. */
const JITTER = 0.2;

/**
 * How long after the try of this number, counted from 1, the next one comes; null when there is none. `chance` is from
 * 0 up to 1.
 */
export function nextTryMs(failures: number, stepsMs: readonly number[], chance: number): number | null {
  const step = stepsMs[failures - 1];
  return step === undefined ? null : Math.round(step * (1 - JITTER + 2 * JITTER * chance));
}
