/** The database, from the settings: the embedded server, the migrations, the connection pools and the stores. */
import { closePool, createConnections, withPatience } from '../db/connection/client.ts';
import { explaining } from '../db/connection/explain-error.ts';
import { startEmbeddedServer } from '../db/embedded/server.ts';
import { startFeed } from '../db/feed/feed.ts';
import { createAccountsStore, createJobStore, createWebhookStore } from '../db/stores.ts';
import type { Setup } from './lifecycle.ts';

/**
 * If a pool hands out no connection for this long, the database is considered unavailable. The waiters are then
 * rejected before their own limits. For submits and callbacks, the limit is at least the statement timeout.
 */
const STALL_MS = { read: 1_500, submit: 3_000, callback: 5_000 } as const;

/** Returns the URL of the database; starts the embedded server unless a URL is set. */
export async function startDatabase({ config, log, onStop }: Setup): Promise<string> {
  if (config.DATABASE_URL !== null) return config.DATABASE_URL;
  const server = await startEmbeddedServer({
    dataDir: config.DATA_DIR,
    log: (level, message) => log[level]({}, message),
  });
  onStop(() => server.stop());
  return server.url;
}

export type Database = Awaited<ReturnType<typeof connectDatabase>>;

/** Connects to a migrated database. */
export async function connectDatabase({ config, log, onStop }: Setup, url: string) {
  // Logs only the message of the error, because the pool attaches the entire client to the error.
  const complain = (error: Error) => log.warn({ reason: error.message }, 'a database connection was lost');
  // Number of connections to keep open, so that a burst after a quiet minute finds as many open connections as a burst
  // under load.
  const urgentCount = Math.ceil(config.DATABASE_POOL_SIZE / 3);
  const statementTimeoutMs = 1_000 * config.STATEMENT_TIMEOUT_SECONDS;
  const options = { keepOpen: urgentCount, statementTimeoutMs };
  const connections = createConnections(url, config.DATABASE_POOL_SIZE, complain, options);
  onStop(() => closePool(connections));
  // Callbacks and submit answers have a pool of their own, because each of them arrives only once. Clients that wait
  // for their jobs to be accepted must not delay the dispatch of jobs that are already accepted.
  const urgentConnections = createConnections(url, urgentCount, complain, options);
  onStop(() => closePool(urgentConnections));
  // Health checks have a connection of their own. Otherwise a burst of callbacks that wait for connections would look
  // like an unavailable database, and a load balancer would route the callbacks elsewhere.
  const healthConnections = createConnections(url, 1, complain, { keepOpen: 1, statementTimeoutMs });
  onStop(() => closePool(healthConnections));
  const feed = await explaining(() => startFeed(url, (message) => log.warn({}, message)));
  onStop(() => feed.stop());
  const readConnections = withPatience(
    { waitMs: 1_000 * config.READ_WAIT_SECONDS, stallMs: STALL_MS.read },
    connections,
  );
  const submitConnections = withPatience(
    { waitMs: 1_000 * config.SUBMIT_WAIT_SECONDS, stallMs: Math.max(STALL_MS.submit, statementTimeoutMs) },
    connections,
  );
  const callbackConnections = withPatience(
    { waitMs: 1_000 * config.CALLBACK_WAIT_SECONDS, stallMs: Math.max(STALL_MS.callback, statementTimeoutMs) },
    urgentConnections,
  );
  return {
    store: createJobStore(readConnections, feed.announce, submitConnections),
    urgentStore: createJobStore(callbackConnections, feed.announce),
    healthStore: createJobStore(healthConnections),
    /** Number of urgent connections. */
    urgentCount,
    accountsStore: createAccountsStore(submitConnections),
    webhookStore: createWebhookStore(connections),
    feed,
    /** Returns the longest wait for a connection of the clients' pool since the last call. */
    takeWaitMs: () => connections.pool.takeLongestWaitMs(),
  };
}
