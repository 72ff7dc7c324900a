/** Settles callbacks in this process over one connection, and counts the work that each settle causes in PostgreSQL. */
import type { Socket } from 'node:net';
import pg from 'pg';
import pino from 'pino';
import { createQuotaEffects } from '../src/accounts/quota.ts';
import { loadConfig } from '../src/config.ts';
import { closePool, createConnections } from '../src/db/connection/client.ts';
import { createAccountsStore, createJobStore, createWebhookStore } from '../src/db/stores.ts';
import { createSettle } from '../src/jobs/settle/settle.ts';
import { createReceiveCallback } from '../src/jobs/settle/receive-callback.ts';
import { startWebhooks } from '../src/compose/webhooks.ts';
import { decodeClaim } from '../src/upstream/acedata/callback-body.ts';
import { encodeSuccess } from '../src/upstream/acedata/wire/result.ts';
import { videoOf } from '../verification/harness/upstream/task.ts';

const log = pino({ level: 'silent' });
const SECRET = 'a-secret-of-the-benchmark-of-settles-only';

/** The work of the client and of PostgreSQL. */
export interface Work {
  readonly statements: number;
  /** The number of times that the client waited for an answer before it sent more. */
  readonly roundTrips: number;
  /** Rows inserted, updated and deleted in all tables. */
  readonly rows: number;
  readonly walBytes: number;
}

export interface SettleStage {
  /**
   * Settles a job of `prepareJobs` with the callback of its success. No webhook is delivered, because the delivery loop
   * is not started.
   */
  settle(jobId: string): Promise<void>;
  /**
   * Settles these jobs, and returns the average work of a settle. No other client may use the server at the same time.
   */
  count(jobIds: readonly string[]): Promise<Work>;
  stop(): Promise<void>;
}

export function startSettleStage(databaseUrl: string): SettleStage {
  const connections = createConnections(databaseUrl, 1, () => undefined);
  const stops: (() => Promise<unknown>)[] = [() => closePool(connections)];
  const config = loadConfig({ DATABASE_URL: databaseUrl, API_KEY: 'key-of-the-benchmark', APP_SECRET: SECRET });
  const store = createJobStore(connections);
  const quota = createQuotaEffects(createAccountsStore(connections));
  const webhooks = startWebhooks(
    { config, log, onStop: (stop) => void stops.push(stop) },
    { appSecrets: [SECRET], store: createWebhookStore(connections), flatBodyOf: async () => '{}' },
  );
  const jobSettle = createSettle({
    store,
    log,
    effects: [
      (tx, { id, accountId, video, input: { mode, model } }) =>
        quota.settle(tx, { id, accountId, billedSeconds: video?.durationSeconds ?? null, mode, model }, true),
      webhooks.effect,
    ],
    processEffects: [webhooks.effect],
  });
  const receive = createReceiveCallback({ store, log, nudge: () => undefined }, jobSettle, {
    confirm: 'odd',
    retries: { run: (work) => work() },
  });
  const statements = countStatements();
  const roundTrips = countRoundTrips(connections.pool);
  stops.push(async () => statements.stop());

  async function settle(jobId: string): Promise<void> {
    const task = { taskId: jobId, traceId: jobId };
    const body = JSON.stringify(encodeSuccess(task, videoOf(task)));
    if (!(await receive({ jobId, attempt: 1, claim: decodeClaim(body), bodyHash: jobId, body })))
      throw new Error(`there is no job ${jobId}`);
  }

  /**
   * Reads all counters. Sessions report their statistics only some time after they become idle, so this one is flushed
   * first.
   */
  async function work(): Promise<Work> {
    await connections.pool.query('select pg_stat_force_next_flush()');
    const { rows } = await connections.pool.query<
      Omit<Work, 'statements' | 'roundTrips'>
    >(`select (select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables)::float8 as rows,
      pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as "walBytes"`);
    return { statements: statements.count(), roundTrips: roundTrips(), ...rows[0]! };
  }

  return {
    settle,
    async count(jobIds) {
      const before = await work();
      const [statementsBefore, roundTripsBefore] = [statements.count(), roundTrips()];
      for (const jobId of jobIds) await settle(jobId);
      const [statementsAfter, roundTripsAfter] = [statements.count(), roundTrips()];
      const after = await work();
      return {
        statements: (statementsAfter - statementsBefore) / jobIds.length,
        roundTrips: (roundTripsAfter - roundTripsBefore) / jobIds.length,
        rows: (after.rows - before.rows) / jobIds.length,
        walBytes: (after.walBytes - before.walBytes) / jobIds.length,
      };
    },
    async stop() {
      for (const stop of stops.reverse()) await stop();
    },
  };
}

/** Counts round trips on the wire: the first write after received data begins one. */
function countRoundTrips(pool: pg.Pool): () => number {
  let count = 0;
  pool.on('connect', (client) => {
    const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    let received = true;
    // Runs before the client's own listener, which may send the next statement immediately.
    stream.prependListener('data', () => (received = true));
    stream.write = (...args: unknown[]) => {
      if (received) count += 1;
      received = false;
      return write(...args);
    };
  });
  return () => count;
}

/** Counts the statements of all clients of this process, including BEGIN and COMMIT. */
function countStatements(): { count(): number; stop(): void } {
  const prototype = pg.Client.prototype;
  const query = Object.getOwnPropertyDescriptor(prototype, 'query')!;
  const original = query.value as (...args: unknown[]) => unknown;
  let count = 0;
  prototype.query = function (this: pg.Client, ...args: unknown[]) {
    count += 1;
    return original.apply(this, args);
  } as typeof prototype.query;
  return { count: () => count, stop: () => Object.defineProperty(prototype, 'query', query) };
}
