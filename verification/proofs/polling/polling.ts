/**
 * Polling: if every callback is lost, polling finds each result, not much later than a callback would have reported it.
 */
import { setTimeout } from 'node:timers/promises';
import { readJournal } from '../../harness/journal.ts';
import { startHarness } from '../../harness/harness.ts';
import type { LedgerRecord } from '../../harness/upstream/messages.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

/** The defaults of `POLL_FIRST_SECONDS` and `POLL_INTERVAL_SECONDS`. */
const FIRST_SECONDS = 180;
const INTERVAL_SECONDS = 60;
/** Tasks that outlast the first poll are found by the second. */
const TASK_SECONDS: readonly [number, number] = [60, 200];
/** From the submit to the end, for 99 of 100 jobs. */
const LIMIT_SECONDS = 270;
/** The loop that looks for due polls runs every second, whatever the scale, and a busy machine delays it further. */
const SCALED_MARGIN_SECONDS = 5;
const SETTLE_MARGIN_SECONDS = 90;

const GENERATE = `mutation ($input: GenerateMotionInput!) { payload: generateMotion(input: $input) { job { id } userErrors { code } } }`;

/**
 * `size` is the number of jobs. With a `scale` below 1, all times are shortened by that factor. With 1, the gateways
 * use their default times.
 */
export async function provePolling({ seed, size, dist, log }: ProofOptions, scale = 1): Promise<Proof> {
  const from = Date.now();
  const scaled = scale < 1 && {
    POLL_FIRST_SECONDS: String(FIRST_SECONDS * scale),
    POLL_INTERVAL_SECONDS: String(INTERVAL_SECONDS * scale),
    UPSTREAM_SUBMITS_PER_SECOND: '100',
  };
  const limitSeconds = LIMIT_SECONDS * scale + (scale < 1 ? SCALED_MARGIN_SECONDS : 0);
  const harness = await startHarness({
    gateways: 2,
    ...(dist !== undefined && { dist }),
    settings: { UPSTREAM_MAX_IN_FLIGHT: '50', PLAYGROUND: 'off', ...scaled },
    // Without listing, the upstream would repeat a lost callback until it arrives.
    upstream: {
      seed,
      rates: { ...noFaults, lost: 1 },
      taskSeconds: [TASK_SECONDS[0] * scale, TASK_SECONDS[1] * scale],
      listing: true,
    },
    log,
  });
  const violations: string[] = [];
  try {
    const ids = new Set<string>();
    for (let number = 0; number < size; number += 1) {
      const input = {
        imageUrl: 'https://media.example.com/character.jpg',
        videoUrl: 'https://media.example.com/motion.mp4',
        prompt: `${seed}#${number}`,
      };
      const reply = await harness.send<{ payload: { job: { id: string } } }>(harness.gateways[number % 2]!, {
        query: GENERATE,
        variables: { input },
      });
      const id = reply.kind === 'answered' ? reply.answer.data?.payload.job.id : undefined;
      if (id === undefined) throw new Error(`job ${number} was not accepted: ${JSON.stringify(reply)}`);
      ids.add(id);
    }
    log(`${ids.size} jobs accepted; they are submitted one by one`);

    const open = async (): Promise<number> =>
      (
        await harness.database.query<{ open: number }>(
          `select count(*)::int as open from jobs where completed_at is null`,
        )
      )[0]!.open;
    const limitMs = 1_000 * (limitSeconds + size / (scale < 1 ? 100 : 1) + SETTLE_MARGIN_SECONDS);
    while ((await open()) > 0 && Date.now() - from < limitMs) await setTimeout(Math.max(200, 2_000 * scale));

    const rows = await harness.database.query<{
      id: string;
      state: string;
      settledBy: string | null;
      seconds: number | null;
    }>(
      `select id, state, settled_by as "settledBy", extract(epoch from completed_at - submitted_at)::float8 as seconds from jobs`,
    );
    const ledger = readJournal<LedgerRecord>(harness.ledgerFile);
    const endsAt = new Map(ledger.flatMap((entry) => (entry.kind === 'taken' ? [[entry.jobId, entry] as const] : [])));
    const seconds = spreadOf(rows.flatMap((row) => row.seconds ?? []));
    const called = ledger.filter(({ kind }) => kind === 'callback').length;
    const unsettled = rows.filter((row) => row.seconds === null);
    const wrong = rows.filter(
      ({ id, state, seconds: took }) =>
        took !== null && state !== (endsAt.get(id)?.outcome === 'success' ? 'SUCCEEDED' : 'FAILED'),
    );
    if (rows.length !== ids.size) violations.push(`${rows.length} jobs of ${ids.size} that were accepted`);
    for (const { id, state } of unsettled) violations.push(`job ${id} has not ended: ${state}`);
    for (const { id, state } of wrong) violations.push(`job ${id} ended otherwise than its task: ${state}`);
    for (const { id, settledBy } of rows)
      if (settledBy !== 'POLL') violations.push(`job ${id} was not found by polling: ${settledBy}`);
    if (called > 0) violations.push(`${called} callbacks were not lost`);
    if (seconds.p99 > limitSeconds)
      violations.push(`p99 is ${seconds.p99} s after the submit, and the limit ${limitSeconds} s`);
    const lookUps = ledger.flatMap((entry) => (entry.kind === 'lookUp' ? [entry.taskIds.length] : []));
    return {
      figures: {
        jobs: rows.length,
        ends: countOf(rows.map(({ state }) => state)),
        settledBy: countOf(rows.map(({ settledBy }) => settledBy ?? 'none')),
        secondsAfterSubmit: seconds,
        secondsAfterTaskEnd: spreadOf(
          rows.flatMap(({ id, seconds: took }) => (took === null ? [] : took - taskSeconds(endsAt.get(id)))),
        ),
        lostCallbacks: ledger.filter(({ kind }) => kind === 'lostCallback').length,
        lookUps: lookUps.length,
        tasksPerLookUp: spreadOf(lookUps),
        seconds: secondsSince(from),
      },
      violations,
    };
  } finally {
    await harness.stop(violations.length > 0);
  }
}

const taskSeconds = (task: { readonly at: number; readonly endsAt: number } | undefined): number =>
  task ? (task.endsAt - task.at) / 1_000 : 0;
