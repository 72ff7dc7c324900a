/**
 * Runs readers that stop reading beside healthy ones on one gateway: starts the built program and its clients, and
 * measures.
 */
import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Answer, Order } from './reader-load.ts';
import { giveKey } from '../../harness/ordinary-key.ts';
import { programOf } from '../../harness/program.ts';
import { unlimited } from '../../harness/harness.ts';

export interface ReaderPlan {
  readonly healthy: number;
  readonly stalled: number;
  /** The number of jobs that each group watches, and the rate of changes to all of them together. */
  readonly healthyJobs: { readonly count: number; readonly changesPerSecond: number };
  readonly stalledJobs: { readonly count: number; readonly changesPerSecond: number };
  /** How long the normal latency is measured. */
  readonly normalSeconds: number;
  /** The time within which every stalled reader must be closed. */
  readonly limitSeconds: number;
  /** Latencies below this cannot be distinguished from the noise of the machine. */
  readonly noiseMs: number;
  /** Settings of the gateway, in addition to those that the run needs. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface ReaderFigures {
  /** The number of closes with 1013, by reason. */
  readonly closed: Readonly<Record<string, number>>;
  /** Counted from the order to reconnect and stop reading. */
  readonly firstClosedAfterSeconds: number;
  readonly lastClosedAfterSeconds: number;
  /** Stalled readers that were disconnected as if they were dead. */
  readonly cutOff: number;
  readonly normal: Latency;
  readonly whileStalled: Latency;
  readonly rssNormalMb: number;
  readonly rssPeakMb: number;
  readonly healthyOpen: number;
  readonly healthyBehind: number;
}

interface Latency {
  readonly updates: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const ADMINISTRATOR_KEY = 'proof-key-0123456789';
const PROJECT_DIST = fileURLToPath(new URL('../../../dist', import.meta.url));
const SAMPLE_MS = 500;
/** The amount by which the process may grow for reasons other than data that waits for stalled readers. */
const MEMORY_NOISE_MB = 64;
const MIB = 1_048_576;

/** Each change notifies its watchers in the same statement, as the gateway's own writes do. */
const CHANGE = `with changed as (
    update jobs set version = version + 1, updated_at = clock_timestamp(), changed_xid = pg_current_xact_id() where id = $1 returning id, version, account_id
  ) select version, pg_notify('job_changed', id || ' ' || version || ' ' || account_id) from changed`;

/** Inserts jobs that the upstream works on, with the longest possible prompt. */
const INSERT = `insert into jobs (id, account_id, version, state, rank, attempt, upstream_id, sandbox, image_url, video_url, prompt, mode, character_orientation, keep_original_sound, watermark, labels, input_hash, attempted_at)
  select gen_random_uuid(), 'default', 1, 'PROCESSING', 1000, 1, 'sandbox', true, 'https://a.com/a.png', 'https://a.com/a.mp4', repeat('動', 2500), 'STD', 'IMAGE', true, false, '[]', 'v1:', now()
  from generate_series(1, $1) returning id`;

/** Runs the build in `dist` on an empty database and the folder `dataDir`. Leaves no process running. */
export async function runReaders(
  databaseUrl: string,
  dataDir: string,
  plan: ReaderPlan,
  dist = PROJECT_DIST,
): Promise<ReaderFigures> {
  const gateway = await startGateway(join(dist, 'main.js'), databaseUrl, dataDir, plan.settings);
  const load = fork(await programOf('verification/proofs/readers/reader-load.ts'), { execArgv: [] });
  const died = once(load, 'exit').then(([code]) => {
    throw new Error(`the process of the clients ended with ${code}`);
  });
  died.catch(() => undefined);
  const order = async (given: Order): Promise<Answer> => {
    load.send(given);
    return ((await Promise.race([once(load, 'message'), died])) as [Answer])[0];
  };
  const db = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  const ending = new AbortController();
  try {
    const insert = async (count: number) => (await db.query<{ id: string }>(INSERT, [count])).rows.map(({ id }) => id);
    const [healthyIds, stalledIds] = [await insert(plan.healthyJobs.count), await insert(plan.stalledJobs.count)];
    const url = `${gateway.url.replace('http', 'ws')}/graphql`;
    await order({
      kind: 'open',
      url,
      apiKey: await giveKey(databaseUrl),
      healthy: { jobIds: healthyIds, sockets: plan.healthy },
      stalling: { jobIds: stalledIds, sockets: plan.stalled },
    });

    const versions: Record<string, number> = {};
    const changing = [
      change(db, healthyIds, plan.healthyJobs.changesPerSecond, versions, ending.signal),
      change(db, stalledIds, plan.stalledJobs.changesPerSecond, {}, ending.signal),
    ];
    const memory = sampleMemory(gateway.pid, ending.signal);
    await setTimeout((1_000 * plan.normalSeconds) / 3);
    await order({ kind: 'measure' });
    await setTimeout(1_000 * plan.normalSeconds);
    const normal = await order({ kind: 'measure' });
    const rssNormalMb = memory.peakMb();

    const stalledAt = Date.now();
    await order({ kind: 'stall' });
    const untilMs = stalledAt + 1_000 * plan.limitSeconds;
    while (gateway.ends.length < plan.stalled && Date.now() < untilMs) await setTimeout(SAMPLE_MS);
    const whileStalled = await order({ kind: 'measure' });
    const rssPeakMb = memory.peakMb();

    ending.abort();
    await Promise.all(changing);
    let finish = await order({ kind: 'finish', versions });
    for (
      const from = Date.now();
      finish.behind > 0 && Date.now() - from < 5_000;
      finish = await order({ kind: 'finish', versions })
    )
      await setTimeout(100);

    const slow = gateway.ends.filter(({ code }) => code === 1013);
    const after = slow.map(({ time }) => (Date.parse(time) - stalledAt) / 1_000).sort((a, b) => a - b);
    return {
      closed: countBy(slow.map(({ reason }) => reason)),
      firstClosedAfterSeconds: after[0] ?? Infinity,
      lastClosedAfterSeconds: slow.length < plan.stalled ? Infinity : after.at(-1)!,
      cutOff: gateway.ends.length - slow.length,
      normal: toLatency(normal.latenciesMs),
      whileStalled: toLatency(whileStalled.latenciesMs),
      rssNormalMb,
      rssPeakMb,
      healthyOpen: finish.open,
      healthyBehind: finish.behind,
    };
  } finally {
    ending.abort();
    load.disconnect();
    await Promise.allSettled([once(load, 'exit'), gateway.stop(), db.end()]);
  }
}

/** Describes what the run was meant to show and did not. */
export function violationsOf(figures: ReaderFigures, plan: ReaderPlan): string[] {
  const { normal, whileStalled, rssNormalMb, rssPeakMb } = figures;
  const allowedMs = Math.max(plan.noiseMs, 2 * normal.p99Ms);
  const allowedMb =
    rssNormalMb + MEMORY_NOISE_MB + (plan.stalled * Number(plan.settings.MAX_BUFFERED_BYTES ?? MIB)) / MIB;
  return [
    // Negated, so that a time that is not a number is a violation.
    !(figures.lastClosedAfterSeconds <= plan.limitSeconds) &&
      `not every stalled reader was closed with 1013 within ${plan.limitSeconds} s`,
    figures.cutOff > 0 && `${figures.cutOff} readers were cut off without a 1013`,
    normal.updates === 0 && 'no update reached a healthy reader',
    whileStalled.p99Ms > allowedMs && `the healthy p99 was ${whileStalled.p99Ms} ms, allowed were ${allowedMs} ms`,
    rssPeakMb > allowedMb && `the process took ${rssPeakMb} MB, allowed were ${allowedMb} MB`,
    figures.healthyOpen !== plan.healthy && `only ${figures.healthyOpen} healthy readers are left`,
    figures.healthyBehind > 0 && `${figures.healthyBehind} healthy readers have not got the newest state`,
  ].filter((violation) => violation !== false);
}

interface End {
  readonly code: number;
  readonly reason: string;
  /** As the gateway logs it, in ISO 8601. */
  readonly time: string;
}

async function startGateway(
  main: string,
  databaseUrl: string,
  dataDir: string,
  settings: Readonly<Record<string, string>>,
) {
  const env = {
    PATH: process.env.PATH,
    ENV_FILE: 'off',
    PORT: '0',
    SANDBOX_PORT: '0',
    UPSTREAM: 'sandbox',
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    API_KEY: ADMINISTRATOR_KEY,
    APP_SECRET: 'proof-secret-0123456789-0123456789',
    ...unlimited,
    ...settings,
  };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const ends: End[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the gateway did not start')));
    createInterface(child.stdout).on('line', (line) => {
      const banner = /Motion gateway {3}(\S+)/.exec(line);
      if (banner) resolve(banner[1]!);
      if (line.startsWith('{') && line.includes('"a socket ')) ends.push(JSON.parse(line) as End);
    });
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await Promise.race([ended, setTimeout(20_000, undefined, { ref: false })]);
    child.kill('SIGKILL');
    await ended;
  };
  return { url, pid: child.pid!, ends, stop };
}

/** Changes the jobs one after another at an even rate, and records their newest versions. */
async function change(
  db: pg.Pool,
  ids: readonly string[],
  perSecond: number,
  versions: Record<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now();
  for (let index = 0; !signal.aborted; index += 1) {
    const id = ids[index % ids.length]!;
    const { rows } = await db.query<{ version: number }>(CHANGE, [id]);
    versions[id] = rows[0]!.version;
    await setTimeout(Math.max(0, startedAt + (1_000 * (index + 1)) / perSecond - performance.now()), undefined, {
      signal,
    }).catch(() => undefined);
  }
}

function sampleMemory(pid: number, signal: AbortSignal) {
  let peakMb = 0;
  void (async () => {
    while (!signal.aborted) {
      const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]).catch(() => ({
        stdout: '0',
      }));
      peakMb = Math.max(peakMb, Math.round(Number(stdout) / 1_024));
      await setTimeout(SAMPLE_MS, undefined, { signal }).catch(() => undefined);
    }
  })();
  return { peakMb: () => peakMb };
}

function toLatency(latenciesMs: readonly number[]): Latency {
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { updates: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
