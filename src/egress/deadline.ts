/** A time limit that also ends when other signals abort, and that leaves neither a timer nor a listener behind. */
import { setMaxListeners } from 'node:events';

export interface Deadline {
  readonly signal: AbortSignal;
  /** Returns why the deadline is over: its own time limit, or one of the other signals; null while it is not over. */
  reason(): 'TIMED_OUT' | 'STOPPED' | null;
  end(): void;
}

/** Starts the deadline. `end` must be called. */
export function startDeadline(ms: number, ...others: readonly AbortSignal[]): Deadline {
  const controller = new AbortController();
  let reason: ReturnType<Deadline['reason']> = null;
  const over = (why: 'TIMED_OUT' | 'STOPPED'): void => {
    reason ??= why;
    controller.abort();
  };
  const stop = (): void => over('STOPPED');
  const timer = setTimeout(() => over('TIMED_OUT'), ms);
  for (const other of others) {
    if (other.aborted) stop();
    // One signal may end any number of deadlines; Node would warn of a leak from the eleventh listener on.
    setMaxListeners(0, other);
    other.addEventListener('abort', stop, { once: true });
  }
  return {
    signal: controller.signal,
    reason: () => reason,
    end() {
      clearTimeout(timer);
      for (const other of others) other.removeEventListener('abort', stop);
    },
  };
}

/** Settles like `promise`, or rejects as soon as `signal` aborts; a later result of `promise` is discarded. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(new Error('aborted'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort!);
  }
}
