/**
 * A database that tests use one after another and that each test finds in its initial state. Resetting it takes a few
 * statements instead of a new database.
 */
import { createConnections, type Connections } from '../../src/db/connection/client.ts';
import { asAdministrator, createDatabase } from './database.ts';
import { onEnd, shared } from './on-end.ts';

export interface EmptiedDatabase {
  readonly url: string;
  readonly connections: Connections;
}

/** Saves the current rows of all tables; returns the statement that restores them. */
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
  // Without the triggers of foreign keys, the order of the tables does not matter.
  return [
    'set local session_replication_role = replica',
    ...tables.flatMap((name) => [
      `delete from public.${name}`,
      `insert into public.${name} overriding system value table as_made.${name}`,
    ]),
  ].join('; ');
}

/**
 * Registers the database for a block or a file and must be called at its top level; the returned function resets the
 * database for the test that calls it. Use it only for tests that run stores, loops, or flows themselves: they change
 * only rows, and nothing that they start keeps running after they end. It does not suit a gateway, which caches what it
 * has read.
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
