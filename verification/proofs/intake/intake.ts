/**
 * Callback intake: sends callbacks at a steady rate to two instances. Their times are planned in advance, and each
 * latency is measured from the planned time, so that the time a callback waits to be sent counts.
 */
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { arrivals, callBack, prepareJobs, startCallers, type Sent } from '../../harness/clients/callers.ts';
import { createRandom } from '../../harness/random.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

const SECRET = 'the-secret-of-the-proof-of-callback-intake';
const WARM_UP_SECONDS = 3;
/**
 * One transaction settles the job, one announces it, one receives the announcement at each of the two instances, and
 * one checks whether a queued job may take the slot. A higher number would mean that callbacks trigger rounds.
 */
const MAX_TRANSACTIONS = 5.5;
/** Rounds of both instances that run on a timer. On a slow machine, there are many of them per callback. */
const ROUNDS_PER_SECOND = 40;
/** PostgreSQL sessions report their statistics with this delay at most. */
const STATISTICS_MS = 1_500;
/** The unit in which Linux counts the CPU time of a process. */
const TICKS_PER_SECOND = 100;

export interface IntakeOptions extends ProofOptions {
  readonly perSecond: number;
  /** The limit within which 99 of 100 callbacks are answered. */
  readonly limitMs: number;
}

/** `size` is the number of seconds for which callbacks are sent. */
export async function proveIntake({ seed, size, dist, log, perSecond, limitMs }: IntakeOptions): Promise<Proof> {
  const from = Date.now();
  const harness = await startHarness({
    gateways: 2,
    ...(dist !== undefined && { dist }),
    // Only external events cause work, because no deadline passes.
    settings: { APP_SECRET: SECRET, PLAYGROUND: 'off', JOB_DEADLINE_SECONDS: '86400' },
    upstream: { seed, rates: noFaults, taskSeconds: [1, 1], listing: false },
    breakable: false,
    log,
  });
  const violations: string[] = [];
  try {
    const random = createRandom(`${seed}:arrivals`);
    const warmUp = arrivals(random, perSecond, WARM_UP_SECONDS);
    const planned = arrivals(random, perSecond, size);
    const warmUpIds = await prepareJobs(harness, warmUp.length, 'warm-up');
    const ids = await prepareJobs(harness, planned.length, 'measured');
    log(`${ids.length} jobs wait for their callbacks after ${secondsSince(from)} s`);

    const callers = startCallers(
      harness.gateways.map(({ url }) => url),
      SECRET,
    );
    const load = [round(loadavg()[0]!)];
    await callBack(callers, warmUpIds, warmUp, () => undefined);
    const transactionsFrom = Date.now();
    const transactionsBefore = await transactionsOf(harness);
    const cpuBefore = await cpuSecondsOf(harness);
    const loadedFrom = Date.now();
    const sent = await callBack(callers, ids, planned, log);
    const seconds = (Date.now() - loadedFrom) / 1_000;
    const cpu = await cpuSecondsOf(harness);
    const committed = (await transactionsOf(harness)) - transactionsBefore;
    const mostTransactions =
      MAX_TRANSACTIONS * sent.length + (ROUNDS_PER_SECOND * (Date.now() - transactionsFrom)) / 1_000;
    load.push(round(loadavg()[0]!));
    await callers.stop();

    const ms = spreadOf(sent.map(({ latencyMs }) => latencyMs));
    const answers = countOf(sent.map(({ status }) => status));
    const [ended, kept] = await Promise.all([
      harness.database.query<{ count: number }>(
        `select count(*)::int from jobs where account_id = 'measured' and state = 'SUCCEEDED' and settled_by = 'CALLBACK' and version = 2 and result_url = 'https://media.example.com/' || task_id || '.mp4'`,
      ),
      harness.database.query<{ count: number }>(
        `select count(*)::int from callbacks join jobs on jobs.id = job_id where account_id = 'measured' and verdict = 'APPLIED'`,
      ),
    ]);
    const refused = sent.length - (answers['200'] ?? 0);
    if (refused > 0) violations.push(`${refused} callbacks were not answered 200: ${JSON.stringify(answers)}`);
    if (ended[0]!.count !== ids.length)
      violations.push(`${ended[0]!.count} of ${ids.length} jobs have the end that their callback told`);
    if (kept[0]!.count !== ids.length) violations.push(`${kept[0]!.count} of ${ids.length} callbacks are kept`);
    if (ms.p99 > limitMs) violations.push(`p99 is ${ms.p99} ms, and the limit ${limitMs} ms`);
    if (committed > mostTransactions)
      violations.push(
        `${committed} transactions for ${sent.length} callbacks, and the limit is ${Math.round(mostTransactions)}`,
      );
    return {
      figures: {
        callbacks: sent.length,
        perSecond: round(sent.length / seconds),
        answers,
        ms,
        transactionsPerCallback: round(committed / sent.length),
        worstSecondsP99Ms: worstSeconds(sent),
        cpuMsPerCallback: Object.fromEntries(
          Object.entries(cpu).map(([name, after]) => [
            name,
            round((1_000 * (after - (cpuBefore[name] ?? 0))) / sent.length),
          ]),
        ),
        loadOfMachine: load,
        seconds: secondsSince(from),
      },
      violations,
    };
  } finally {
    await harness.stop(violations.length > 0);
  }
}

/**
 * Returns the p99 of the five worst seconds, by second. It shows whether the whole run is a little slow, or a single
 * moment was very slow.
 */
function worstSeconds(sent: readonly Sent[]): Readonly<Record<number, number>> {
  const seconds = new Map<number, number[]>();
  for (const { plannedMs, latencyMs } of sent) {
    const second = Math.floor(plannedMs / 1_000);
    const all = seconds.get(second);
    if (all) all.push(latencyMs);
    else seconds.set(second, [latencyMs]);
  }
  const worst = [...seconds]
    .map(([second, all]) => [second, spreadOf(all).p99] as const)
    .sort(([, one], [, other]) => other - one);
  return Object.fromEntries(worst.slice(0, 5));
}

async function transactionsOf(harness: Harness): Promise<number> {
  await setTimeout(STATISTICS_MS);
  const rows = await harness.database.query<{ commits: number }>(
    'select xact_commit::float8 as commits from pg_stat_database where datname = current_database()',
  );
  return rows[0]!.commits;
}

/** Returns the CPU time that the gateways, PostgreSQL and this process have used so far. Linux only. */
async function cpuSecondsOf(harness: Harness): Promise<Readonly<Record<string, number>>> {
  if (process.platform !== 'linux') return {};
  const servers = await harness.database.query<{ pid: number }>(
    'select pid from pg_stat_activity where pid <> pg_backend_pid()',
  );
  const of = (pid: number): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  };
  const sum = (pids: readonly number[]): number => pids.reduce((total, pid) => total + of(pid), 0);
  return {
    gateways: sum(harness.gateways.map((gateway) => gateway.pid()!)),
    postgres: sum(servers.map(({ pid }) => pid)),
    load: of(process.pid),
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;
