/** The retry schedule of webhooks. Pure. */

/**
 * Jitter, as a share of the delay in either direction, so that attempts that failed together are not retried together.
 */
const JITTER = 0.2;

/**
 * Returns the delay between the given failed attempt, counted from 1, and the next one; null if there is no next one.
 * `chance` is a random number from 0 up to 1.
 */
export function nextTryMs(failures: number, stepsMs: readonly number[], chance: number): number | null {
  const step = stepsMs[failures - 1];
  return step === undefined ? null : Math.round(step * (1 - JITTER + 2 * JITTER * chance));
}
