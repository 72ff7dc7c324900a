/** Priority of callbacks: while one is being settled, no operation of a client starts for a short time. */

/** Maximum time for which callbacks hold operations back. */
const MAX_PRIORITY_MS = 50;

export interface Priority {
  prioritize<T>(work: () => Promise<T>): Promise<T>;
  /**
   * True while operations wait for a callback, which they do for a limited time: a callback that takes longer waits for
   * something other than the event loop, such as a connection. `begunAt` is when the last operation started.
   */
  holdsBack(now: number, begunAt: number): boolean;
}

/** `ended` is called when prioritized work has ended. */
export function createPriority(ended: () => void): Priority {
  /** Callbacks in the order of their start. The last one is still being settled. */
  const callbacks: { readonly at: number; ended: boolean }[] = [];
  return {
    async prioritize(work) {
      const callback = { at: performance.now(), ended: false };
      callbacks.push(callback);
      try {
        return await work();
      } finally {
        callback.ended = true;
        while (callbacks.at(-1)?.ended) callbacks.pop();
        ended();
      }
    },
    holdsBack(now, begunAt) {
      const newest = callbacks.at(-1);
      return newest !== undefined && now - newest.at <= MAX_PRIORITY_MS && now - begunAt <= MAX_PRIORITY_MS;
    },
  };
}
