/** Connections to PostgreSQL: every wait has a limit, and an idle connection that dies does not end the process. */
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';

export type Database = NodePgDatabase;

/** Waiting for a connection plus one statement stays below 5 s, the longest that a client waits for "not available". */
const CONNECT_TIMEOUT_MS = 1_500;
const STATEMENT_TIMEOUT_MS = 3_000;

export interface Connections {
  readonly pool: pg.Pool;
  readonly db: Database;
}

/** A pool of at most `size` connections. `onError` hears of idle connections that died; they are replaced by themselves. */
export function createConnections(url: string, size: number, onError: (error: Error) => void): Connections {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    application_name: 'motion-gateway',
  });
  pool.on('error', onError);
  return { pool, db: drizzle(pool) };
}
