/** Transactions on a pool, without Drizzle's own `db.transaction()`, which leaks the connection when BEGIN fails. */
import { fillPlaceholders, type SQL } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { PgDialect } from 'drizzle-orm/pg-core';
import type pg from 'pg';
import { together, type Transaction } from '../../transaction.ts';
import type { Connections, Database } from './client.ts';
import { CommitUnknownError, isUnavailable } from './unavailable.ts';

/** Returns the database handle behind an opaque transaction of the core. */
export const inside = (tx: Transaction): Database => tx as unknown as Database;

/**
 * The handle of each connection. Prepared statements live as long as their connection. Those in constant use are built
 * and planned once per connection, because that costs more than executing them.
 */
const handles = new WeakMap<pg.PoolClient, Database>();
const clients = new WeakMap<Database, pg.PoolClient>();

function handleOf(client: pg.PoolClient): Database {
  const known = handles.get(client);
  if (known) return known;
  const handle = drizzle(client);
  handles.set(client, handle);
  clients.set(handle, client);
  return handle;
}

/** Creates a prepared statement for transactions. `build` names it, and leaves placeholders for the values. */
export function statement<T>(build: (db: Database) => T): (tx: Transaction) => T {
  const built = new WeakMap<Database, T>();
  return (tx) => {
    const db = inside(tx);
    const known = built.get(db) ?? build(db);
    built.set(db, known);
    return known;
  };
}

const dialect = new PgDialect();

/** Creates a prepared statement for transactions from raw SQL. Resolves with the number of rows written. */
export function sqlStatement(
  name: string,
  query: SQL,
): (tx: Transaction, values: Readonly<Record<string, unknown>>) => Promise<number> {
  const { sql: text, params } = dialect.sqlToQuery(query);
  return async (tx, values) => {
    const { rowCount } = await clients.get(inside(tx))!.query({ name, text, values: fillPlaceholders(params, values) });
    return rowCount ?? 0;
  };
}

interface Afterwards {
  readonly act: () => void;
  readonly alsoInDoubt: boolean;
}

/** The callbacks to run once a transaction has committed, by handle. A handle has one transaction at a time. */
const afterwards = new WeakMap<Database, Afterwards[]>();

/** The delay of a second call: COMMIT may still take effect after all callers have stopped waiting for it. */
const LATE_COMMIT_MS = 5_000;

/**
 * Calls `act` once the transaction has committed, and never if it was rolled back. If COMMIT got no answer, it is
 * called only with `alsoInDoubt`, immediately and again 5 s later.
 */
export function afterCommit(tx: Transaction, act: () => void, { alsoInDoubt = false } = {}): void {
  afterwards.get(inside(tx))?.push({ act, alsoInDoubt });
}

/**
 * Runs `work` in one transaction. If it throws, everything is rolled back and the error is rethrown. If COMMIT fails, the
 * call rejects with a `CommitUnknownError`; its cause tells a refusal of the server from a missing answer.
 */
export const withTransaction = <T>(connections: Connections, work: (tx: Transaction) => Promise<T>): Promise<T> =>
  withFirst(connections, async () => undefined, work);

/**
 * Runs `work` in one transaction and passes it the result of `first`. The statement of `first` is sent together with
 * BEGIN, without a round trip between them. It must not change anything: if BEGIN fails, the server executes it outside
 * any transaction.
 */
export async function withFirst<F, T>(
  { pool }: Connections,
  first: (tx: Transaction) => Promise<F>,
  work: (tx: Transaction, found: F) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // The pool listens only to idle clients. Without this listener, a connection lost here would end the process.
  const onError = (error: Error): void => void (broken ??= error);
  client.on('error', onError);
  try {
    const handle = handleOf(client);
    const tx = handle as unknown as Transaction;
    const acts: Afterwards[] = [];
    afterwards.set(handle, acts);
    const [, found] = await together([client.query('begin'), (async () => first(tx))()]);
    const value = await work(tx, found);
    const { command } = await client.query('commit').catch((error: unknown) => {
      for (const { act, alsoInDoubt } of acts)
        if (alsoInDoubt) [0, LATE_COMMIT_MS].forEach((ms) => setTimeout(act, ms).unref());
      throw new CommitUnknownError(error);
    });
    // PostgreSQL answers with ROLLBACK rather than an error if a statement has failed and its error was not propagated.
    if (command !== 'COMMIT') throw new Error(`the transaction was not committed: ${command}`);
    for (const { act } of acts) act();
    return value;
  } catch (error) {
    // A connection that has stopped answering is closed without a rollback, which would wait just as long again.
    if (broken || isUnavailable(error)) broken ??= error as Error;
    else await client.query('rollback').catch((cause: Error) => (broken = cause));
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
