/**
 * Admission: eight dispatchers that are killed continuously never have more in flight than the cap. In-flight work is
 * counted at the upstream, where it costs money, and by the rows, both in the snapshots of single statements and over
 * the whole run.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { migrateDatabase } from '../../../src/db/migrate.ts';
import { programOf } from '../../harness/program.ts';
import { createRandom } from '../../harness/random.ts';
import { readJournal } from '../../harness/journal.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import type { LedgerRecord } from '../../harness/upstream/messages.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { countOf, mostAtOnce, secondsSince, type Proof, type ProofOptions } from '../proof.ts';

const DIST = fileURLToPath(new URL('../../../dist', import.meta.url));

const DISPATCHERS = 8;
const CAP = 5;
const KILL_MS = 400;
/** More than the gate can admit. */
const QUEUED_PER_SECOND = 40;
const SAMPLE_MS = 15;
const SUBMIT_TIMEOUT_MS = 3_000;
/** All tasks have ended long before the jobs of dead dispatchers are no longer counted. */
const UNCONFIRMED_SLOT_MS = 6_000;
const DEADLINE_MS = 30_000;
const TASK_SECONDS: readonly [number, number] = [0.5, 2];
const UPSTREAM_ID = 'acedata';

/** Counts the same jobs as the gate, in a single statement outside the dispatchers' transactions. */
const inFlightQuery = `select count(*)::int as now from jobs where state in ('SUBMITTING', 'PROCESSING', 'UNCONFIRMED')
  and attempted_at > now() - case state when 'UNCONFIRMED' then ${UNCONFIRMED_SLOT_MS} else ${DEADLINE_MS} end * interval '1 millisecond'`;

/** `size` is the number of seconds for which dispatchers are killed. */
export async function proveAdmission({ seed, size, dist = DIST, log }: ProofOptions): Promise<Proof> {
  const from = Date.now();
  const upstream = {
    seed,
    rates: { ...noFaults, submits: { ...noFaults.submits, none: 19, slow: 1 }, lost: 1 },
    taskSeconds: TASK_SECONDS,
    listing: false,
  };
  // Built from the same sources as `dist`.
  const program = await programOf('verification/harness/dispatcher-process.ts', dirname(dist));
  const harness = await startHarness({ gateways: 0, upstream, log });
  const violations: string[] = [];
  const dispatchers: Dispatcher[] = [];
  try {
    await migrateDatabase(harness.database.url);
    await fillQueue(harness, QUEUED_PER_SECOND * size);
    const errors: string[] = [];
    for (let index = 0; index < DISPATCHERS; index += 1)
      dispatchers.push(startDispatcher(harness, program, `d${index + 1}`, errors));
    await Promise.all(dispatchers.map(({ ready }) => ready));

    const sampling = new AbortController();
    const samples = sampleRows(harness, sampling.signal);
    const random = createRandom(`${seed}:kills`);
    let kills = 0;
    for (const until = Date.now() + 1_000 * size; Date.now() < until; kills += 1) {
      await setTimeout(KILL_MS);
      const index = random.integer(0, DISPATCHERS - 1);
      await dispatchers[index]!.kill();
      dispatchers[index] = startDispatcher(harness, program, `d${index + 1}`, errors);
    }
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.kill()));
    sampling.abort();

    const rows = await samples;
    const ledger = readJournal<LedgerRecord>(harness.ledgerFile);
    const taken = ledger.flatMap((entry) => (entry.kind === 'taken' ? [entry] : []));
    const atUpstream = mostAtOnce(taken.map(({ at, endsAt }) => ({ from: at, to: endsAt })));
    const byEvents = mostAtOnce(await intervalsOf(harness));
    const received = countOf(ledger.flatMap((entry) => (entry.kind === 'received' ? [entry.jobId] : [])));
    const twice = Object.values(received).filter((count) => count > 1).length;
    for (const [where, most] of [
      ['at the upstream', atUpstream],
      ['by the rows', rows.most],
      ['by the timelines', byEvents],
    ] as const) {
      if (most > CAP) violations.push(`${most} in flight ${where}, and the cap is ${CAP}`);
    }
    if (twice > 0) violations.push(`${twice} jobs were submitted more than once`);
    // If the cap was never reached, the run has shown nothing.
    if (Math.max(atUpstream, rows.most) < CAP)
      violations.push(`never more than ${Math.max(atUpstream, rows.most)} in flight`);
    const states = await harness.database.query<{ state: string }>('select state from jobs');
    return {
      figures: {
        dispatchers: DISPATCHERS,
        cap: CAP,
        kills,
        submits: Object.keys(received).length,
        inFlight: { atUpstream, rows: rows.most, timelines: byEvents },
        samples: rows.samples,
        ends: countOf(states.map(({ state }) => state)),
        errors: countOf(errors),
        seconds: secondsSince(from),
      },
      violations,
    };
  } finally {
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.kill()));
    await harness.stop(violations.length > 0);
  }
}

interface Dispatcher {
  readonly ready: Promise<unknown>;
  kill(): Promise<void>;
}

function startDispatcher(harness: Harness, program: string, name: string, errors: string[]): Dispatcher {
  const options = {
    databaseUrl: harness.database.url,
    upstreamUrl: harness.upstream.urlFor(name),
    upstreamId: UPSTREAM_ID,
    upstreamLimits: {
      maxInFlight: CAP,
      submitsPerSecond: 1_000_000,
      unconfirmedSlotMs: UNCONFIRMED_SLOT_MS,
      jobDeadlineMs: DEADLINE_MS,
    },
    submitTimeoutMs: SUBMIT_TIMEOUT_MS,
    lookMs: 10,
    reconcileMs: 300,
  };
  const child: ChildProcess = fork(program, [JSON.stringify(options)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.on('message', (message) => {
    if (typeof message === 'object' && 'error' in message) errors.push(String(message.error));
  });
  const ended = once(child, 'exit');
  return {
    ready: Promise.race([once(child, 'message'), ended]),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function fillQueue(harness: Harness, count: number): Promise<void> {
  await harness.database
    .query(`insert into jobs (id, account_id, upstream_id, sandbox, image_url, video_url, prompt, mode, character_orientation, keep_original_sound, watermark, labels, input_hash, tag)
    select uuidv7(), 'account-' || n % 10, '${UPSTREAM_ID}', false, 'https://media.example.com/a.jpg', 'https://media.example.com/a.mp4', 'job ' || n, 'STD', 'IMAGE', true, false, '[]', 'v1:' || n, n
    from generate_series(1, ${count}) n`);
}

/** Resolves with the maximum over all samples. */
async function sampleRows(harness: Harness, signal: AbortSignal): Promise<{ most: number; samples: number }> {
  const client = new pg.Client({ connectionString: harness.database.url });
  await client.connect();
  let [most, samples] = [0, 0];
  try {
    for (; !signal.aborted; samples += 1, await setTimeout(SAMPLE_MS))
      most = Math.max(most, (await client.query<{ now: number }>(inFlightQuery)).rows[0]!.now);
    return { most, samples };
  } finally {
    await client.end();
  }
}

/**
 * Returns the interval of each attempt from its intent until the gate stopped counting it, by the database's clock:
 * until its job ended, was requeued, had been unconfirmed for long enough, or passed its deadline.
 */
async function intervalsOf(harness: Harness): Promise<{ from: number; to: number }[]> {
  const left = (state: string): string =>
    `(select at from job_events event where event.job_id = begun.job_id and event.attempt = begun.attempt and event.state = '${state}' limit 1)`;
  const rows = await harness.database.query<{
    begun: Date;
    attempted: Date | null;
    completed: Date | null;
    requeued: Date | null;
    doubted: Date | null;
  }>(
    `select begun.at as begun, case when jobs.attempt = begun.attempt then attempted_at end as attempted, completed_at as completed, ${left('QUEUED')} as requeued, ${left('UNCONFIRMED')} as doubted
     from job_events begun join jobs on jobs.id = begun.job_id where begun.type = 'ATTEMPT_BEGUN'`,
  );
  return rows.map(({ begun, attempted, completed, requeued, doubted }) => {
    const countedFrom = attempted?.getTime() ?? Infinity;
    const unsure = doubted ? Math.max(doubted.getTime(), countedFrom + UNCONFIRMED_SLOT_MS) : Infinity;
    return {
      from: begun.getTime(),
      to: Math.min(
        completed?.getTime() ?? Infinity,
        requeued?.getTime() ?? Infinity,
        unsure,
        countedFrom + DEADLINE_MS,
      ),
    };
  });
}
