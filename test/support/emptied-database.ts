/**
 * A database that tests use one after another, and that each of them finds as a new one is: it costs a few statements
 * instead of a database.
 */
import { createConnections, type Connections } from '../../src/db/connection/client.ts';
import { asAdministrator, createDatabase } from './database.ts';
import { onEnd, shared } from './on-end.ts';

export interface EmptiedDatabase {
  readonly url: string;
  readonly connections: Connections;
}

/** Keeps what all tables have now; returns the statement that brings it back. */
async function keepRows(url: string): Promise<string> {
  const tables = (
    await asAdministrator<{ name: string }>(
      `select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`,
      url,
    )
  ).map(({ name }) => name);
  await asAdministrator(
    `create schema as_made; ${tables.map((name) => `create table as_made.${name} as table public.${name}`).join('; ')}`,
    url,
  );
  // Without the triggers of foreign keys the order of the tables makes no difference.
  return [
    'set local session_replication_role = replica',
    ...tables.flatMap((name) => [
      `delete from public.${name}`,
      `insert into public.${name} overriding system value table as_made.${name}`,
    ]),
  ].join('; ');
}

/**
 * Called at the top of a block or a file; what it returns empties the database for the test that calls it. It is for
 * tests that run stores, loops or flows themselves: they change rows only, and nothing of theirs runs on when they end.
 * A gateway remembers what it has read.
 */
export function emptiedDatabase(connectionCount = 4): () => Promise<EmptiedDatabase> {
  const database = shared(async () => {
    const url = await createDatabase();
    const emptying = await keepRows(url);
    const connections = createConnections(url, connectionCount, () => undefined);
    onEnd(() => connections.pool.end());
    return { url, connections, emptying };
  });
  return async () => {
    const { url, connections, emptying } = database();
    await asAdministrator(emptying, url);
    return { url, connections };
  };
}
