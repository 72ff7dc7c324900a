/** When to ask the upstream about a job that we have not heard of. Pure. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** After this, a failure that was our own guess is no longer lifted. */
export const LIFT_LIMIT_MS = 24 * HOUR_MS;

export interface PollSteps {
  /** The first poll after the submit. */
  readonly firstMs: number;
  /** Between polls in the first 15 minutes. */
  readonly intervalMs: number;
}

/**
 * How long after now the next poll is due, for an attempt that is `ageMs` old: every interval to 15 min, every 5 min to
 * 2 h, hourly to 24 h, and null after that. `random` in [0, 1) spreads it by 20 % either way, so that jobs submitted
 * together are not asked for together for ever.
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
