/** Connections to PostgreSQL. Every wait has a limit, and the loss of an idle connection does not end the process. */
import { setTimeout } from 'node:timers/promises';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import { PatientPool, type Patience } from './pool.ts';
import { SessionClient } from './session.ts';

export type Database = NodePgDatabase;

/** The default limit on a caller's wait for a connection. Including one statement, a caller waits less than 5 s. */
const WAIT_MS = 1_500;
const HANDSHAKE_MS = 5_000;
/**
 * The delay before keep-alive probes. Load balancers and NAT drop connections that are silent for some minutes, whereas
 * Linux by default probes the peer only after two hours.
 */
const KEEP_ALIVE_MS = 30_000;

interface PoolOptions {
  /** The number of connections that stay open while idle. */
  readonly keepOpen?: number;
  /** The time limit for a statement, up to the arrival of its answer. */
  readonly statementTimeoutMs?: number;
}

export interface Connections {
  readonly pool: PatientPool;
  readonly db: Database;
}

const CLOSE_LIMIT_MS = 3_000;

/** Closes the pool. Connections that no longer respond are abandoned after 3 s. */
export async function closePool({ pool }: Connections): Promise<void> {
  const late = new AbortController();
  await Promise.race([
    pool.end(),
    setTimeout(CLOSE_LIMIT_MS, undefined, { signal: late.signal }).catch(() => undefined),
  ]);
  late.abort();
}

/** Returns the same connections with other limits on the wait for a connection. */
export function withPatience(patience: Patience, { pool }: Connections): Connections {
  // Everything else, including `query`, is inherited from the pool and takes its connections from here.
  const view = Object.create(pool) as PatientPool;
  view.connect = ((callback?: Parameters<PatientPool['connectWithin']>[1]) =>
    callback ? pool.connectWithin(patience, callback) : pool.connectWithin(patience)) as PatientPool['connect'];
  return { pool: view, db: drizzle(view) };
}

/**
 * Creates a pool of at most `size` connections. `onError` is called for idle connections that are lost. They are
 * replaced when they are needed.
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
    // Statements that do not wait for each other are sent immediately, and execute in the order in which they are sent.
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    Client: SessionClient as unknown as new () => pg.ClientBase,
    session: { applicationName: 'motion-gateway', statementTimeoutMs, idleInTransactionTimeoutMs: 10_000 },
  };
  const pool = new PatientPool(settings, { waitMs: WAIT_MS, handshakeMs: HANDSHAKE_MS });
  pool.on('error', onError);
  // The pool listens to idle clients, and a borrower to its own client. In one chunk of bytes, a server can complete a
  // handshake and end the connection before the borrower has it.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return { pool, db: drizzle(pool) };
}
