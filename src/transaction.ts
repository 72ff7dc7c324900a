declare const opened: unique symbol;

/** An open transaction. Opaque: only the store that created it can look inside. */
export interface Transaction {
  readonly [opened]: true;
}

/**
 * Waits for statements of one transaction that were sent without waiting for each other. Prepared statements among
 * them must have different names.
 * Once all have ended, it rejects with the first error that says more than that the transaction is aborted. If a
 * transaction were given up earlier, its connection would return to the pool while the other statements still use it.
 */
export async function together<const T extends readonly Promise<unknown>[]>(
  statements: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const errors: unknown[] = [];
  for (const statement of statements) statement.catch((error: unknown) => errors.push(error));
  await Promise.allSettled(statements);
  if (errors.length > 0) throw errors.find((error) => !isAborted(error)) ?? errors[0];
  return Promise.all(statements);
}

/** Returns true for PostgreSQL's error when another statement has failed in the same transaction (SQLSTATE 25P02). */
function isAborted(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause.message.includes('current transaction is aborted')) return true;
  return false;
}
