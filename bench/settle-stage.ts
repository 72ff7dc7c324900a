/**
 * Settles of callbacks inside this process, over one connection, with counters of what each of them asks of PostgreSQL.
 */
import type { Socket } from 'node:net';
import pg from 'pg';
import pino from 'pino';
import { createQuotaEffects } from '../src/accounts/quota.ts';
import { loadConfig } from '../src/config.ts';
import { closePool, createConnections } from '../src/db/connection/client.ts';
import { createAccountsStore, createJobStore, createWebhookStore } from '../src/db/stores.ts';
import { createSettling } from '../src/jobs/settle/settle.ts';
import { createReceiveCallback } from '../src/jobs/settle/receive-callback.ts';
import { startWebhooks } from '../src/compose/webhooks.ts';
import { decodeClaim } from '../src/upstream/acedata/callback-body.ts';
import { encodeSuccess } from '../src/upstream/acedata/wire/result.ts';
import { videoOf } from '../verification/harness/upstream/task.ts';

const log = pino({ level: 'silent' });
const SECRET = 'a-secret-of-the-benchmark-of-settles-only';

/** What PostgreSQL has done since it was started. */
export interface Work {
  readonly statements: number;
  /** How often the client waited for an answer before it sent more. */
  readonly roundTrips: number;
  /** Inserted, updated and deleted, in all tables. */
  readonly rows: number;
  readonly walBytes: number;
}

export interface SettleStage {
  /**
   * Settles a job of `prepareJobs` by the callback of its success. Nothing is delivered: the delivery loop is not
   * started.
   */
  settle(jobId: string): Promise<void>;
  /** What the settles of these jobs asked of PostgreSQL, on average. Nobody else may use the server meanwhile. */
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
    config,
    [SECRET],
    createWebhookStore(connections),
    async () => '{}',
    log,
    (stop) => stops.push(stop),
  );
  const settling = createSettling({
    store,
    log,
    effects: [
      (tx, { id, accountId, video, input: { mode, model } }) =>
        quota.settle(tx, { id, accountId, billedSeconds: video?.durationSeconds ?? null, mode, model }, true),
      webhooks.effect,
    ],
    processEffects: [webhooks.effect],
  });
  const receive = createReceiveCallback({ store, log, nudge: () => undefined }, settling, {
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

  /** Sessions report to the statistics some time after they are idle; asked to, at once. */
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

/** Counts round trips on the wire: what is written after something was received begins one. */
function countRoundTrips(pool: pg.Pool): () => number {
  let count = 0;
  pool.on('connect', (client) => {
    const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    let received = true;
    // Before the client's own listener, which may send the next statement at once.
    stream.prependListener('data', () => (received = true));
    stream.write = (...args: unknown[]) => {
      if (received) count += 1;
      received = false;
      return write(...args);
    };
  });
  return () => count;
}

/** Counts the statements of all clients of this process, BEGIN and COMMIT among them. */
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
