declare const opened: unique symbol;

/** An open transaction. Opaque: only the store that made it can look inside. */
export interface Transaction {
  readonly [opened]: true;
}

/**
 * Waits for statements of one transaction that were sent without waiting for each other. Once all have ended it rejects with the error that came first:
 * those after it only say that the transaction is aborted. A transaction that is given up earlier would return its connection while they still use it.
 */
export async function together<const T extends readonly Promise<unknown>[]>(statements: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const all = Promise.all(statements);
  await Promise.allSettled([all, ...statements]);
  return all;
}
