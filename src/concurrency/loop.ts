/** A loop around a step: it runs the step, waits as long as the step says or until nudged, and runs it again. */

export interface Loop {
  /** Runs the step again without waiting; a nudge during a step counts for the next one. */
  nudge(): void;
  /** Ends the loop; resolves when the step under way has ended. */
  stop(): Promise<void>;
}

/** After a step that threw, the next one waits this long. */
const AFTER_ERROR_MS = 1_000;

/**
 * A step that found nothing to do rests this long whatever comes: hundreds of nudges per second set off 50 steps and
 * not hundreds.
 */
const REST_MS = 20;

/** Starts the loop. `step` resolves with how long to wait in ms; `signal` aborts at `stop`. */
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
