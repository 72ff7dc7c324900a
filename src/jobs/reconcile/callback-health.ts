/**
 * Detects whether callbacks reach the gateway. An unreachable `PUBLIC_URL` loses no result, because polling finds it,
 * but it delays each one by minutes. The gateway therefore detects this condition, logs it and polls more often.
 */
import type { PollSteps } from './poll-schedule.ts';
import type { History } from '../ports/history.ts';
import type { Log } from '../../log.ts';

export interface CallbackHealth {
  /** Returns the poll schedule that currently applies. */
  steps(): PollSteps;
  /** Returns true if callbacks appear not to reach the gateway. */
  callbacksMissing(): boolean;
  /** Checks the newest successes. Called after each round of polling; reads the database at most once every 5 s. */
  check(): Promise<void>;
}

export interface CallbackHealthDeps {
  readonly history: History;
  readonly upstreamId: string;
  readonly pollSteps: PollSteps;
  /** False if the upstream was given no way to call back. */
  readonly expectsCallbacks: boolean;
  readonly log: Log;
}

/** Number of consecutive successes, all found only by polling, after which callbacks count as missing. */
const MISSING_AFTER = 5;
/** Maximum interval between polls while callbacks are missing. */
const MISSING_POLL_MS = 10_000;
const CHECK_MS = 5_000;

export function createCallbackHealth({
  history,
  upstreamId,
  pollSteps,
  expectsCallbacks,
  log,
}: CallbackHealthDeps): CallbackHealth {
  const startedAt = new Date();
  let checkedAtMs = 0;
  let missing = false;

  return {
    steps: () =>
      missing
        ? {
            firstMs: Math.min(pollSteps.firstMs, MISSING_POLL_MS),
            intervalMs: Math.min(pollSteps.intervalMs, MISSING_POLL_MS),
          }
        : pollSteps,
    callbacksMissing: () => missing,
    async check() {
      if (!expectsCallbacks || Date.now() - checkedAtMs < CHECK_MS) return;
      checkedAtMs = Date.now();
      // Only successes since startup count: earlier ones may have used a different `PUBLIC_URL`.
      const newest = await history.recentSuccesses(upstreamId, startedAt, MISSING_AFTER);
      const was = missing;
      missing = newest.length === MISSING_AFTER && newest.every(({ uncalled }) => uncalled);
      if (missing && !was)
        log.warn(
          { successes: MISSING_AFTER },
          'callbacks do not reach PUBLIC_URL: results are found by polling, every 10 s',
        );
      if (!missing && was) log.info({}, 'callbacks reach PUBLIC_URL again');
    },
  };
}
