/** A loop around a step: runs the step, waits as long as the step requests or until nudged, and runs it again. */

export interface Loop {
  /** Runs the step again without waiting. A nudge during a step applies to the next one. */
  nudge(): void;
  /** Ends the loop; resolves when the step in progress has ended. */
  stop(): Promise<void>;
}

/** Delay before the next step after a step that failed. */
const AFTER_ERROR_MS = 1_000;

/**
 * Minimum pause after a step that found nothing to do, regardless of nudges: hundreds of nudges per second cause 50
 * steps rather than hundreds.
 */
const REST_MS = 20;

/** Starts the loop. `step` resolves with the delay until the next step, in ms; `signal` aborts at `stop`. */
export function startLoop(step: (signal: AbortSignal) => Promise<number>, onError: (error: unknown) => void): Loop {
  const stopping = new AbortController();
  let nudged = false;
  let resting = false;
  let wake: (() => void) | null = null;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        wake = null;
        resolve();
      }
      wake = done;
    });

  const ended = (async () => {
    while (!stopping.signal.aborted) {
      nudged = false;
      const waitMs = await step(stopping.signal).catch((error: unknown) => {
        if (!stopping.signal.aborted) onError(error);
        return AFTER_ERROR_MS;
      });
      const restMs = Math.min(waitMs, REST_MS);
      resting = true;
      if (restMs > 0 && !stopping.signal.aborted) await pause(restMs);
      resting = false;
      if (waitMs > restMs && !nudged && !stopping.signal.aborted) await pause(waitMs - restMs);
    }
  })();

  return {
    nudge() {
      nudged = true;
      if (!resting) wake?.();
    },
    stop() {
      stopping.abort();
      wake?.();
      return ended;
    },
  };
}
