/**
 * `npm run bench:settle`: measures the cost of a settle by the number of webhook endpoints that subscribe to its event.
 * Accounts with 0, 1 and 100 endpoints take turns within one run, so that other load on the machine affects all of them
 * equally, and the times are compared as ratios to the account without endpoints.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { prepareJobs } from '../verification/harness/clients/callers.ts';
import { commitOfRun } from '../verification/harness/commit.ts';
import type { HarnessDatabase } from '../verification/harness/database.ts';
import { withDatabase } from '../verification/harness/own-database.ts';
import { startSettleStage, type SettleStage, type Work } from './settle-stage.ts';

interface Case {
  readonly name: string;
  readonly endpoints: number;
  readonly eventTypes: readonly string[];
}

const ENDS = ['motion_job.succeeded', 'motion_job.failed', 'motion_job.canceled'];
const cases: readonly Case[] = [
  { name: '0 endpoints', endpoints: 0, eventTypes: ENDS },
  { name: '1 endpoint', endpoints: 1, eventTypes: ENDS },
  { name: '100 endpoints', endpoints: 100, eventTypes: ENDS },
  { name: '100 endpoints of which none wants it', endpoints: 100, eventTypes: ['motion_job.processing'] },
];

/**
 * The number of settles until every statement is prepared and every page has been written since the last checkpoint.
 */
const WARM_UP = 50;
const COUNTED = 100;

const { values } = parseArgs({ options: { settles: { type: 'string', default: '1000' } } });

async function makeEndpoints(
  database: HarnessDatabase,
  account: string,
  { endpoints, eventTypes }: Case,
): Promise<void> {
  await database.query(`insert into webhook_endpoints (id, account_id, url, host, event_types)
    select gen_random_uuid(), '${account}', 'https://hooks.example.com/' || n, 'hooks.example.com', '{${eventTypes.join()}}' from generate_series(1, ${endpoints}) n`);
}

interface Prepared extends Case {
  readonly jobs: string[];
  readonly ms: number[];
}

async function timeInTurns(stage: SettleStage, prepared: readonly Prepared[], settles: number): Promise<void> {
  for (let turn = 0; turn < settles; turn += 1) {
    // Uses a different order in each turn.
    for (let place = 0; place < prepared.length; place += 1) {
      const { jobs, ms } = prepared[(place + turn) % prepared.length]!;
      const from = performance.now();
      await stage.settle(jobs.pop()!);
      ms.push(performance.now() - from);
    }
  }
}

const medianOf = (figures: readonly number[]): number => [...figures].sort((a, b) => a - b)[figures.length >> 1]!;
const round = (value: number, digits: number): number => Number(value.toFixed(digits));

await withDatabase(async (database) => {
  const settles = Number(values.settles);
  const prepared: Prepared[] = [];
  for (const one of cases) {
    const account = randomUUID();
    const jobs = await prepareJobs({ database }, WARM_UP + COUNTED + settles, account);
    await makeEndpoints(database, account, one);
    prepared.push({ ...one, jobs, ms: [] });
  }
  await database.query('analyze');
  const stage = startSettleStage(database.url);
  try {
    await timeInTurns(stage, prepared, WARM_UP);
    for (const { ms } of prepared) ms.length = 0;
    const work: Work[] = [];
    for (const { jobs } of prepared) work.push(await stage.count(jobs.splice(0, COUNTED)));
    await timeInTurns(stage, prepared, settles);
    const base = medianOf(prepared[0]!.ms);
    const rows = prepared.map(({ name, ms }, index) => ({
      case: name,
      ratio: round(medianOf(ms) / base, 2),
      'median ms': round(medianOf(ms), 2),
      statements: round(work[index]!.statements, 1),
      'rows written': round(work[index]!.rows, 1),
      'WAL bytes': Math.round(work[index]!.walBytes),
    }));
    console.table(rows);
    console.log(JSON.stringify({ bench: 'settle', settles, commit: commitOfRun(), cases: rows }));
  } finally {
    await stage.stop();
  }
});
