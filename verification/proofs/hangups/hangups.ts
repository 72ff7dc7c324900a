/**
 * Clients that hang up and retry on their own, without an idempotency key. A request whose client hung up before it had
 * its answer, or at the very moment of the answer, or that was answered 504, makes one job however often it is
 * repeated, at either of two gateways, while gateways are killed. A request that was answered makes another job when it
 * is repeated. Half of the clients connect through proxies. There, the repeat of an answered request comes only after
 * the time during which such an answer is in doubt.
 */
import { setTimeout } from 'node:timers/promises';
import { readJournal } from '../../harness/journal.ts';
import { createRandom, type Random } from '../../harness/random.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import type { LedgerRecord } from '../../harness/upstream/messages.ts';
import { noFaults, planSubmit } from '../../harness/upstream/plan.ts';
import { createHangingClients, ways, type HangingClients, type Way } from './hanging-clients.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

/** Relative to the cut requests. As many requests are held for too long, and as many again are repeated on purpose. */
const SHARE = 0.1;
const KILL_SHARE = 0.01;
const MIN_KILLS = 2;
const AT_ONCE = 24;
const HOLD_SECONDS = 0.8;
/** Longer than a request is held: a request that is not cut is first answered 504. */
const TASK_SECONDS: readonly [number, number] = [1, 3];
const LEASE_SECONDS = 3;
/** Longer than a killed gateway takes to restart. */
const DOUBT_SECONDS = 15;
const JOIN_SECONDS = 900;
/**
 * If a submitter is killed after the intent and before the first byte, its job was never sent, but no process can know
 * that. The deadline ends the job, and its client gets no answer but 504.
 */
const SUBMIT_SECONDS = 5;
const DEADLINE_SECONDS = 30;
const NEVER_SENT_PER_KILL = 2;
const RUN_LIMIT_MS = 120_000;
const SETTLE_LIMIT_MS = 60_000;
const BODY = {
  image_url: 'https://media.example.com/character.jpg',
  video_url: 'https://media.example.com/motion.mp4',
};

interface Row {
  readonly id: string;
  readonly prompt: string;
  readonly state: string;
  readonly failure: string | null;
}

interface Load {
  readonly harness: Harness;
  readonly clients: HangingClients;
  readonly violations: string[];
}

interface Client {
  readonly prompt: string;
  readonly way: Way;
  /** The request is answered at once, so that many clients hang up at the moment of the answer. */
  readonly async: boolean;
  readonly cuts: boolean;
}

/** One request of a client, with all its repeats. */
interface Run extends Client {
  readonly jobIds: readonly string[];
  readonly ends: readonly string[];
  /** True if the client got a final answer. */
  readonly answered: boolean;
  readonly ms: number;
}

/** `size` is the number of requests that are cut. */
export async function proveHangups({ seed, size, dist, log }: ProofOptions): Promise<Proof> {
  const from = Date.now();
  const harness = await startHarness({
    gateways: 2,
    ...(dist !== undefined && { dist }),
    settings: {
      UPSTREAM_MAX_IN_FLIGHT: '1000',
      UPSTREAM_SUBMITS_PER_SECOND: '1000',
      SUBMIT_TIMEOUT_SECONDS: String(SUBMIT_SECONDS),
      JOB_DEADLINE_SECONDS: String(DEADLINE_SECONDS),
      POLL_FIRST_SECONDS: '2',
      POLL_INTERVAL_SECONDS: '1',
      REST_HOLD_SECONDS: String(HOLD_SECONDS),
      REST_LEASE_SECONDS: String(LEASE_SECONDS),
      REST_JOIN_SECONDS: String(JOIN_SECONDS),
      REST_DOUBT_SECONDS: String(DOUBT_SECONDS),
      PLAYGROUND: 'off',
    },
    upstream: { seed, rates: noFaults, taskSeconds: TASK_SECONDS, listing: false },
    log,
  });
  const violations: string[] = [];
  let clients: HangingClients | undefined;
  try {
    clients = await createHangingClients(harness.gateways, harness.apiKey);
    const run: Load = { harness, clients, violations };
    const random = createRandom(`${seed}:hangups`);
    const some = Math.max(1, Math.round(size * SHARE));
    const killing = killOften(
      harness,
      Math.max(MIN_KILLS, Math.round(size * KILL_SHARE)),
      createRandom(`${seed}:kills`),
    );
    const cut = names(`${seed}-cut`, size).map((prompt, index): Client => ({
      prompt,
      way: ways[index % ways.length]!,
      async: index % 8 < ways.length,
      cuts: true,
    }));
    const late = names(`${seed}-late`, some).map((prompt, index): Client => ({
      prompt,
      way: ways[index % ways.length]!,
      async: false,
      cuts: false,
    }));
    const repeated = await inTurns(random.shuffled([...cut, ...late]), (client) =>
      untilAnswered(run, client, createRandom(`${seed}:${client.prompt}`)),
    );
    const kills = await killing.stop();
    log(`${repeated.length} requests cut or held for too long, ${kills} kills, after ${secondsSince(from)} s`);

    // A failed task is answered 500, and a repeat joins it. These tasks must therefore succeed.
    const succeeding = names(`${seed}-twice`, 3 * some + 10)
      .filter((prompt) => planSubmit(seed, prompt, 1, noFaults, TASK_SECONDS).outcome === 'success')
      .slice(0, some);
    const meant = succeeding.map((prompt, index): Client => ({
      prompt,
      way: ways[index % ways.length]!,
      async: index % 8 < ways.length,
      cuts: false,
    }));
    const twice = await inTurns(meant, async (client) => {
      const { prompt, way } = client;
      const one = await untilAnswered(run, client, createRandom(`${seed}:${prompt}`));
      if (way === 'proxy' || way === 'keepAliveProxy') await untilDoubtEnds(harness, prompt);
      const other = await untilAnswered(run, client, createRandom(`${seed}:${prompt} again`));
      return {
        ...client,
        jobIds: [...one.jobIds, ...other.jobIds],
        ends: [...one.ends, ...other.ends],
        answered: one.answered && other.answered,
        ms: one.ms + other.ms,
      };
    });
    log(`${twice.length} answered requests repeated on purpose after ${secondsSince(from)} s`);

    await untilSettled(harness);
    const rows = await harness.database.query<Row>('select id, prompt, state, failure_code as failure from jobs');
    const received = readJournal<LedgerRecord>(harness.ledgerFile).flatMap((entry) =>
      entry.kind === 'received' ? [entry.jobId] : [],
    );
    for (const run of repeated) violations.push(...violationsOf(run, rows, 1));
    for (const run of twice) violations.push(...violationsOf(run, rows, 2));
    const neverSent = new Set(
      rows
        .filter(({ id, failure }) => failure === 'SUBMIT_OUTCOME_UNKNOWN' && !received.includes(id))
        .map(({ prompt }) => prompt),
    );
    // No gateway is killed any more when requests are repeated on purpose.
    const owed = [...repeated.filter(({ prompt }) => !neverSent.has(prompt)), ...twice];
    for (const { prompt, ends, answered } of owed)
      if (!answered) violations.push(`${prompt} had no answer: ${ends.join()}`);
    if (neverSent.size > NEVER_SENT_PER_KILL * kills)
      violations.push(`${neverSent.size} jobs were never sent, with ${kills} kills`);
    const expected = repeated.length + 2 * twice.length;
    if (rows.length !== expected) violations.push(`${rows.length} jobs, not ${expected}`);
    if (new Set(received).size !== received.length)
      violations.push(`${received.length} submits of ${new Set(received).size} jobs`);
    for (const { id, state } of rows)
      if (state !== 'SUCCEEDED' && state !== 'FAILED') violations.push(`${id} is ${state}`);
    const lateRuns = repeated.filter(({ ends }) => ends.includes('504')).length;
    if (lateRuns < some) violations.push(`only ${lateRuns} requests were answered 504`);
    const figures = {
      requests: repeated.length,
      twice: twice.length,
      jobs: rows.length,
      submits: received.length,
      neverSent: neverSent.size,
      kills,
      asks: countOf([...repeated, ...twice].flatMap(({ ends }) => ends)),
      ms: spreadOf(repeated.map(({ ms }) => ms)),
      seconds: secondsSince(from),
    };
    return { figures, violations };
  } finally {
    await clients?.stop();
    await harness.stop(violations.length > 0);
  }
}

const names = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);

/**
 * Retries like a client that knows nothing about jobs: after a cut, a broken connection or any 5xx, and after a 429 if
 * it names a time, at either gateway, until the answer is final.
 */
async function untilAnswered({ harness, clients, violations }: Load, client: Client, random: Random): Promise<Run> {
  const { prompt, way, async, cuts } = client;
  const from = performance.now();
  const jobIds = new Set<string>();
  const ends: string[] = [];
  let cutsLeft = cuts ? random.integer(1, 3) : 0;
  let failures = 0;
  while (performance.now() - from < RUN_LIMIT_MS) {
    const answer = await clients.ask(
      random.pick(harness.gateways),
      way,
      { ...BODY, prompt, ...(async && { async }) },
      cutsLeft > 0 ? clients.drawCut(random) : null,
    );
    ends.push(answer.kind === 'answered' ? String(answer.status) : answer.kind);
    if (answer.kind === 'cut') cutsLeft -= 1;
    if (answer.kind === 'answered') {
      const { status, body, retryAfterSeconds } = answer;
      if (status === 429 && retryAfterSeconds > 0) {
        await setTimeout(1_000 * retryAfterSeconds);
        continue;
      }
      if (body.task_id !== undefined) jobIds.add(body.task_id);
      // A failed task stays failed: a client that has repeated its 500 twice has joined the task twice.
      if (status === 500 && body.task_id !== undefined) failures += 1;
      if (status < 500 || failures === 3) {
        if (status !== 200 && failures < 3) violations.push(`${prompt} was answered ${status} ${body.error?.code}`);
        return { ...client, jobIds: [...jobIds], ends, answered: true, ms: performance.now() - from };
      }
    }
    await setTimeout(random.pick([0, 0, random.between(0, 500)]));
  }
  return { ...client, jobIds: [...jobIds], ends, answered: false, ms: performance.now() - from };
}

function violationsOf({ prompt, way, async, jobIds, ends }: Run, rows: readonly Row[], jobs: number): string[] {
  const made = rows.filter((row) => row.prompt === prompt).map(({ id }) => id);
  const story = `${prompt} by ${way}${async ? ', async,' : ''} (${ends.join()})`;
  const violations = made.length === jobs ? [] : [`${story} made ${made.length} jobs, not ${jobs}: ${made.join()}`];
  if (jobIds.length !== jobs || jobIds.some((id) => !made.includes(id)))
    violations.push(`${story} received the jobs ${jobIds.join()}`);
  return violations;
}

/** Kills the gateways in turn with SIGKILL, at random intervals, and restarts each of them. */
function killOften(harness: Harness, count: number, random: Random): { stop(): Promise<number> } {
  let kills = 0;
  const killing = (async () => {
    while (kills < count) {
      await setTimeout(random.between(500, 2_000));
      const gateway = harness.gateways[kills % harness.gateways.length]!;
      await gateway.kill();
      kills += 1;
      await gateway.start();
    }
  })();
  return {
    async stop() {
      await killing;
      return kills;
    },
  };
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < items.length) results.push(await work(items[next++]!));
    }),
  );
  return results;
}

/**
 * Waits until the answer that went through a proxy can no longer be joined. That time starts when the answer is
 * recorded, which takes longer on a busy machine, so the record is read.
 */
async function untilDoubtEnds(harness: Harness, prompt: string): Promise<void> {
  await setTimeout(1_000 * DOUBT_SECONDS);
  for (const until = Date.now() + SETTLE_LIMIT_MS; Date.now() < until; await setTimeout(500)) {
    const rows = await harness.database.query(
      `select from rest_requests join jobs on id = job_id where prompt = '${prompt}' and coalesce(unanswered_at, clock_timestamp()) > clock_timestamp() - interval '${JOIN_SECONDS} s'`,
    );
    if (rows.length === 0) return;
  }
}

async function untilSettled(harness: Harness): Promise<void> {
  for (const until = Date.now() + SETTLE_LIMIT_MS; Date.now() < until; await setTimeout(500)) {
    const rows = await harness.database.query<{ open: number }>(
      `select count(*)::int as open from jobs where state not in ('SUCCEEDED', 'FAILED')`,
    );
    if (rows[0]!.open === 0) return;
  }
}
