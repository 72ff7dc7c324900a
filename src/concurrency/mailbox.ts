/**
 * A mailbox: an async iterator that holds at most the newest value of each key. A slow reader costs bounded memory and
 * misses only what was already overtaken. Hand-written, because `return()` of an async generator hangs while it waits.
 */
export interface Mailbox<T> extends AsyncIterableIterator<T> {
  /** Puts a value in; one of the same key that nobody has read yet is replaced. */
  put(key: string, value: T): void;
  /** No more values: the reader gets what is in the box, then the end. */
  end(): void;
}

/** `onClose` runs once, when the reader leaves or the box is ended. */
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
