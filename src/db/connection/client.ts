/** Connections to PostgreSQL: every wait has a limit, and an idle connection that dies does not end the process. */
import { setTimeout } from 'node:timers/promises';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import { PatientPool, type Patience } from './pool.ts';
import { SessionClient } from './session.ts';

export type Database = NodePgDatabase;

/** A caller without a limit of its own waits this long for a connection: with one statement, less than 5 s in total. */
const WAIT_MS = 1_500;
const HANDSHAKE_MS = 5_000;
/**
 * Balancers and NAT drop connections that are silent for some minutes, and Linux asks whether the other side is there
 * after two hours.
 */
const KEEP_ALIVE_MS = 30_000;

interface PoolOptions {
  /** So many connections stay open when they are idle. */
  readonly keepOpen?: number;
  /** How long the server may take for a statement, and its answer to arrive. */
  readonly statementTimeoutMs?: number;
}

export interface Connections {
  readonly pool: PatientPool;
  readonly db: Database;
}

const CLOSE_LIMIT_MS = 3_000;

/** Closes the pool; connections that do not answer any more are left behind after 3 s. */
export async function closePool({ pool }: Connections): Promise<void> {
  const late = new AbortController();
  await Promise.race([
    pool.end(),
    setTimeout(CLOSE_LIMIT_MS, undefined, { signal: late.signal }).catch(() => undefined),
  ]);
  late.abort();
}

/** The same connections for callers with limits of their own. */
export function withPatience(patience: Patience, { pool }: Connections): Connections {
  // Everything else, `query` among it, is the pool's own and takes its connections from here.
  const view = Object.create(pool) as PatientPool;
  view.connect = ((callback?: Parameters<PatientPool['connectWithin']>[1]) =>
    callback ? pool.connectWithin(patience, callback) : pool.connectWithin(patience)) as PatientPool['connect'];
  return { pool: view, db: drizzle(view) };
}

/**
 * A pool of at most `size` connections. `onError` hears of idle connections that died; they are replaced when they are
 * needed.
 */
export function createConnections(
  url: string,
  size: number,
  onError: (error: Error) => void,
  { keepOpen = 0, statementTimeoutMs = 3_000 }: PoolOptions = {},
): Connections {
  const settings = {
    connectionString: url,
    max: size,
    min: keepOpen,
    query_timeout: statementTimeoutMs,
    // Statements that do not wait for each other are sent at once, and executed in the order in which they were sent.
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    Client: SessionClient as unknown as new () => pg.ClientBase,
    session: { applicationName: 'motion-gateway', statementTimeoutMs, idleInTransactionTimeoutMs: 10_000 },
  };
  const pool = new PatientPool(settings, { waitMs: WAIT_MS, handshakeMs: HANDSHAKE_MS });
  pool.on('error', onError);
  // The pool listens to idle clients and a borrower to his own; in the same chunk of bytes a server can hand over a
  // connection and end it, before the borrower has it.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return { pool, db: drizzle(pool) };
}
