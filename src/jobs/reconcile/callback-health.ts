/**
 * Detects whether callbacks reach the gateway. An unreachable `PUBLIC_URL` loses no result, because polling finds it,
 * but it delays each one by minutes. The gateway therefore detects this condition, logs it and polls more often.
 */
import type { PollSteps } from './poll-schedule.ts';
import type { History } from '../ports/history.ts';
import type { Log } from '../../log.ts';

export interface Hearing {
  /** Returns the poll schedule that currently applies. */
  steps(): PollSteps;
  isDeaf(): boolean;
  /** Checks the newest successes. Called after each round of polling; reads the database at most once every 5 s. */
  check(): Promise<void>;
}

/** Number of consecutive successes, all found only by polling, after which callbacks count as missing. */
const DEAF_AFTER = 5;
const DEAF_POLL_MS = 10_000;
const CHECK_MS = 5_000;

/** Creates the check. `expectsCallbacks` is false if the upstream was given no way to call back. */
export function createHearing(
  history: History,
  upstreamId: string,
  pollSteps: PollSteps,
  expectsCallbacks: boolean,
  log: Log,
): Hearing {
  const startedAt = new Date();
  let checkedAtMs = 0;
  let deaf = false;

  return {
    steps: () =>
      deaf
        ? {
            firstMs: Math.min(pollSteps.firstMs, DEAF_POLL_MS),
            intervalMs: Math.min(pollSteps.intervalMs, DEAF_POLL_MS),
          }
        : pollSteps,
    isDeaf: () => deaf,
    async check() {
      if (!expectsCallbacks || Date.now() - checkedAtMs < CHECK_MS) return;
      checkedAtMs = Date.now();
      // Only successes since startup count: earlier ones may have used a different `PUBLIC_URL`.
      const newest = await history.recentSuccesses(upstreamId, startedAt, DEAF_AFTER);
      const was = deaf;
      deaf = newest.length === DEAF_AFTER && newest.every(({ uncalled }) => uncalled);
      if (deaf && !was)
        log.warn(
          { successes: DEAF_AFTER },
          'callbacks do not reach PUBLIC_URL: results are found by polling, every 10 s',
        );
      if (!deaf && was) log.info({}, 'callbacks reach PUBLIC_URL again');
    },
  };
}
