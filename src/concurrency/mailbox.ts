/**
 * A mailbox: an async iterator that holds at most the newest value of each key. A slow reader costs bounded memory and
 * misses only superseded values. Hand-written, because `return()` of an async generator hangs while the generator
 * waits.
 */
export interface Mailbox<T> extends AsyncIterableIterator<T> {
  /** Adds a value. It replaces an unread value of the same key. */
  put(key: string, value: T): void;
  /** Accepts no more values: the reader gets the values that remain, then the end. */
  end(): void;
}

/** Creates a mailbox. `onClose` runs once, when the reader leaves or the mailbox is ended. */
export function createMailbox<T>(onClose: () => void): Mailbox<T> {
  const unread = new Map<string, T>();
  const waiting: ((result: IteratorResult<T>) => void)[] = [];
  let ended = false;

  const close = (): void => {
    if (ended) return;
    ended = true;
    onClose();
  };

  return {
    put(key, value) {
      if (ended) return;
      const reader = waiting.shift();
      if (reader) return reader({ value, done: false });
      unread.set(key, value);
    },
    end() {
      close();
      for (const reader of waiting.splice(0)) reader({ value: undefined, done: true });
    },
    next() {
      for (const [key, value] of unread) {
        unread.delete(key);
        return Promise.resolve({ value, done: false });
      }
      if (ended) return Promise.resolve({ value: undefined, done: true });
      return new Promise((resolve) => waiting.push(resolve));
    },
    return() {
      unread.clear();
      this.end();
      return Promise.resolve({ value: undefined, done: true });
    },
    throw(error) {
      unread.clear();
      this.end();
      return Promise.reject(error as Error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
