/** Transactions over a pool, without Drizzle's own `db.transaction()`, which leaks the connection when BEGIN fails. */
import { fillPlaceholders, type SQL } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { PgDialect } from 'drizzle-orm/pg-core';
import type pg from 'pg';
import { together, type Transaction } from '../../transaction.ts';
import type { Connections, Database } from './client.ts';
import { CommitUnknownError, isUnavailable } from './unavailable.ts';

/** The database handle inside an opaque transaction of the core. */
export const inside = (tx: Transaction): Database => tx as unknown as Database;

/**
 * Statements live as long as their connection: what is in use all the time is built and planned once on each, which
 * costs more than running it.
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

/** A prepared statement for transactions; `build` names it, and leaves placeholders for what changes. */
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

/** The same for what only SQL can say. Resolves with how many rows were written. */
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

/** What shall happen when a transaction has committed, by its handle; a handle has one transaction at a time. */
const afterwards = new WeakMap<Database, Afterwards[]>();

/** COMMIT may still take effect after everybody has given up waiting for it. */
const LATE_COMMIT_MS = 5_000;

/**
 * Calls `act` once the transaction has committed; never when it was rolled back. When COMMIT got no answer it calls
 * only what is meant for doubt too, at once and again 5 s later.
 */
export function afterCommit(tx: Transaction, act: () => void, { alsoInDoubt = false } = {}): void {
  afterwards.get(inside(tx))?.push({ act, alsoInDoubt });
}

/**
 * Runs `work` in one transaction. When it throws, everything is rolled back and the error goes on; when COMMIT itself
 * gets no answer the outcome is unknown and a `CommitUnknownError` says so.
 */
export const withTransaction = <T>(connections: Connections, work: (tx: Transaction) => Promise<T>): Promise<T> =>
  withFirst(connections, async () => undefined, work);

/**
 * The same, with what `first` has read. Its statement is sent together with BEGIN, without a round trip between them.
 * It must change nothing: when BEGIN fails, the server executes it outside of any transaction.
 */
export async function withFirst<F, T>(
  { pool }: Connections,
  first: (tx: Transaction) => Promise<F>,
  work: (tx: Transaction, found: F) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // The pool listens only to idle clients: without this, a connection that dies in here would end the process.
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
    // PostgreSQL answers so, and not with an error, when a statement has failed whose error was not passed on.
    if (command !== 'COMMIT') throw new Error(`the transaction was not committed: ${command}`);
    for (const { act } of acts) act();
    return value;
  } catch (error) {
    // A connection that stopped answering is closed, not asked to roll back: that would wait as long once more.
    if (broken || isUnavailable(error)) broken ??= error as Error;
    else await client.query('rollback').catch((cause: Error) => (broken = cause));
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
