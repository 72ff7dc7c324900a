import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import type { Entry } from '../harness/journal.ts';
import type { LedgerRecord } from '../harness/upstream/messages.ts';
import { calmUpstream, createLoad, multiplyJob, pauseGate, readLedger } from './load.ts';
import type { PlantedBug } from './planted-bug.ts';

const JOBS = 25;
const CAP = 5;
const TASK_SECONDS = 1;
const ROUNDS = 3;
const PAUSE_MS = 700;
const SAMPLE_MS = 10;

export const countBeforeLock: PlantedBug = {
  name: 'count-before-lock',
  bug: 'counts the jobs in flight before it locks the gate',
  edits: [
    {
      file: 'src/jobs/submit/claim-next.ts',
      find: 'const gate = await store.lockGate(tx, upstream.id);',
      replace:
        'const inFlight = await store.countInFlight(tx, upstream.id, { slotMs: unconfirmedSlotMs, deadlineMs: jobDeadlineMs }); const gate = await store.lockGate(tx, upstream.id);',
    },
    {
      file: 'src/jobs/submit/claim-next.ts',
      find: `    const inFlight = await store.countInFlight(tx, upstream.id, {
      slotMs: unconfirmedSlotMs,
      deadlineMs: jobDeadlineMs,
    });
`,
      replace: '',
    },
  ],
  async scenario(bench) {
    const harness = await bench.startHarness({
      gateways: 3,
      settings: {
        UPSTREAM_MAX_IN_FLIGHT: String(CAP),
        UPSTREAM_SUBMITS_PER_SECOND: '1000',
        POLL_FIRST_SECONDS: '0.2',
        POLL_INTERVAL_SECONDS: '0.1',
        PLAYGROUND: 'off',
      },
      upstream: calmUpstream(bench, TASK_SECONDS),
    });
    await pauseGate(harness);
    await createLoad(bench, harness).submit(1);
    await multiplyJob(harness, JOBS);
    const inRows = await mostInRows(harness.database.url, async () => {
      // In each round, all gateways start at once: first with all slots free, later when most tasks have ended.
      for (let round = 0; round < ROUNDS; round += 1) {
        await pauseGate(harness, PAUSE_MS);
        await setTimeout(PAUSE_MS + 1_000 * TASK_SECONDS);
      }
    });
    const atUpstream = mostAtOnce(readLedger(harness));
    return [
      ...(atUpstream > CAP ? [`the upstream had ${atUpstream} tasks at once, but only ${CAP} are allowed`] : []),
      ...(inRows > CAP ? [`${inRows} jobs were in flight according to their rows, but only ${CAP} are allowed`] : []),
    ];
  },
};

/** Returns the maximum number of jobs in flight during `work`. Each sample is one snapshot. */
async function mostInRows(url: string, work: () => Promise<void>): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let most = 0;
  try {
    let working = true;
    const worked = work().finally(() => (working = false));
    while (working) {
      await setTimeout(SAMPLE_MS);
      const { rows } = await client.query<{ count: number }>(
        `select count(*)::int from jobs where state in ('SUBMITTING', 'PROCESSING', 'UNCONFIRMED')`,
      );
      most = Math.max(most, rows[0]!.count);
    }
    await worked;
  } finally {
    await client.end();
  }
  return most;
}

/**
 * Returns the maximum number of concurrent tasks. A slot becomes free when the gateway learns of the end of a task,
 * which is after that end.
 */
function mostAtOnce(ledger: readonly Entry<LedgerRecord>[]): number {
  const tasks = ledger.flatMap((entry) => (entry.kind === 'taken' ? [entry] : []));
  return Math.max(0, ...tasks.map(({ at }) => tasks.filter((task) => task.at <= at && task.endsAt > at).length));
}
