/** Retries work that failed because the database is unavailable. */
import { UnavailableError } from '../errors.ts';

export interface RetryLine {
  /**
   * Runs the work, and retries it if it rejects with `UnavailableError`. Retries continue for `waitMs`, unless
   * `maxWaiting` others already wait or the queue is stopped. Rejects with the last error. While retries fail, only one
   * runs at a time: a server that starts is not overloaded, and work that waits for a lock occupies at most one
   * connection. As soon as the database answers a retry, all waiting work is run.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Ends all waits; nothing is retried from then on. */
  stop(): void;
}

export interface RetryLimits {
  readonly waitMs: number;
  readonly maxWaiting: number;
}

interface Waiter {
  /** Runs the work once more. Resolves with true if the database answered. Never rejects. */
  readonly attempt: () => Promise<boolean>;
  readonly giveUp: () => void;
}

/** Pause between two retries. */
const PAUSE_MS = 250;

export function createRetryLine({ waitMs, maxWaiting }: RetryLimits): RetryLine {
  /** The oldest first, without those whose retry is running. */
  const waiting = new Set<Waiter>();
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;

  function schedule(): void {
    if (stopped || timer !== null || waiting.size === 0) return;
    timer = setTimeout(() => void probe(), PAUSE_MS);
  }

  async function probe(): Promise<void> {
    const [waiter] = waiting;
    const hasAnswered = waiter ? await take(waiter) : false;
    if (hasAnswered) for (const other of [...waiting]) void take(other);
    timer = null;
    schedule();
  }

  function take(waiter: Waiter): Promise<boolean> {
    waiting.delete(waiter);
    return waiter.attempt();
  }

  return {
    async run(work) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof UnavailableError) || stopped || waiting.size >= maxWaiting || waitMs === 0) throw error;
        return new Promise((resolve, reject) => {
          let last: UnavailableError = error;
          const until = performance.now() + waitMs;
          const wait = (): void => {
            const leftMs = until - performance.now();
            if (stopped || leftMs <= 0) return reject(last);
            waiting.add(waiter);
            late = setTimeout(waiter.giveUp, leftMs);
            schedule();
          };
          let late: NodeJS.Timeout | undefined;
          const waiter: Waiter = {
            async attempt() {
              clearTimeout(late);
              try {
                resolve(await work());
                return true;
              } catch (failure) {
                if (failure instanceof UnavailableError) {
                  last = failure;
                  wait();
                  return false;
                }
                reject(failure instanceof Error ? failure : new Error(String(failure)));
                return true;
              }
            },
            giveUp() {
              clearTimeout(late);
              waiting.delete(waiter);
              reject(last);
            },
          };
          wait();
        });
      }
    },

    stop() {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      for (const waiter of [...waiting]) waiter.giveUp();
    },
  };
}
