/** The schedule for polling the upstream about jobs whose result has not arrived. Pure function. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** After this time, a failure that the gateway only inferred is no longer lifted. */
export const LIFT_LIMIT_MS = 24 * HOUR_MS;

export interface PollSteps {
  /** Delay between the submit and the first poll. */
  readonly firstMs: number;
  /** Interval between polls during the first 15 minutes. */
  readonly intervalMs: number;
}

/**
 * Returns the delay in ms until the next poll of an attempt that is `ageMs` old, or null after 24 h. The delay is
 * `intervalMs` up to 15 min, 5 min up to 2 h and 1 h up to 24 h, and never less than `intervalMs`. `random` in [0, 1)
 * spreads it by 20 % either way, so that jobs submitted together do not continue to be polled together.
 */
export function nextPollMs(ageMs: number, { intervalMs }: PollSteps, random: number): number | null {
  if (ageMs >= LIFT_LIMIT_MS) return null;
  const step =
    ageMs < 15 * MINUTE_MS
      ? intervalMs
      : ageMs < 2 * HOUR_MS
        ? Math.max(intervalMs, 5 * MINUTE_MS)
        : Math.max(intervalMs, HOUR_MS);
  return step * (0.8 + 0.4 * random);
}
