/**
 * Hearing: whether callbacks reach us. A `PUBLIC_URL` that nobody reaches costs no result, because polling finds them,
 * but minutes for each; so it is noticed, said, and made up for by asking more often.
 */
import type { PollSteps } from './poll-schedule.ts';
import type { History } from '../ports/history.ts';
import type { Log } from '../../log.ts';

export interface Hearing {
  /** The poll schedule as it should be now. */
  steps(): PollSteps;
  isDeaf(): boolean;
  /** Looks at the newest successes; called after each round of polling, and costs a read every 5 s at most. */
  check(): Promise<void>;
}

/** So many successes in a row that only polling found mean that callbacks do not arrive. */
const DEAF_AFTER = 5;
const DEAF_POLL_MS = 10_000;
const CHECK_MS = 5_000;

/** `expectsCallbacks` is false when the upstream was given no way to call back. */
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
      // Only since our start: what an address did before says nothing about the one that is set now.
      const newest = await history.recentSuccesses(upstreamId, startedAt, DEAF_AFTER);
      const was = deaf;
      deaf = newest.length === DEAF_AFTER && newest.every(({ uncalled }) => uncalled);
      if (deaf && !was)
        log.warn({ successes: DEAF_AFTER }, 'no callback reaches PUBLIC_URL: results are found by polling, every 10 s');
      if (!deaf && was) log.info({}, 'callbacks reach PUBLIC_URL again');
    },
  };
}
