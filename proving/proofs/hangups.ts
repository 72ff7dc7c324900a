/**
 * Clients that hang up and repeat by themselves, without any idempotency key: a request that was cut before the first byte of its answer, or that we answered 504,
 * makes one job however often it is repeated, at whichever of two gateways, while gateways are killed. One that was answered makes another job when it is repeated.
 */
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import type { GatewayProcess } from '../stage/gateway-process.ts';
import { readJournal } from '../stage/journal.ts';
import { createRandom, type Random } from '../stage/random.ts';
import { startStage, type Stage } from '../stage/stage.ts';
import type { LedgerRecord } from '../upstream/messages.ts';
import { noFaults, planSubmit } from '../upstream/plan.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from './proof.ts';

/** As many again are held for too long, and as many again are repeated on purpose. */
const SHARE = 0.1;
const KILL_SHARE = 0.01;
const MIN_KILLS = 2;
const AT_ONCE = 24;
const HOLD_SECONDS = 0.8;
/** Longer than what is held: whoever is not cut is answered 504 first. */
const TASK_SECONDS: readonly [number, number] = [1, 3];
const MAX_CUT_MS = 700;
const LEASE_SECONDS = 3;
/** A job whose submitter was killed after the intent and before the first byte was never sent, which nobody can know: its deadline ends it, and all that its client is told is 504. */
const SUBMIT_SECONDS = 5;
const DEADLINE_SECONDS = 30;
const NEVER_SENT_PER_KILL = 2;
const RUN_LIMIT_MS = 60_000;
const ASK_TIMEOUT_MS = 30_000;
const SETTLE_LIMIT_MS = 60_000;
const BODY = { image_url: 'https://media.example.com/character.jpg', video_url: 'https://media.example.com/motion.mp4' };

type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly body: { readonly task_id?: string; readonly error?: { readonly code: string } } }
  | { readonly kind: 'cut' | 'broken' };

interface Row {
  readonly id: string;
  readonly prompt: string;
  readonly state: string;
  readonly failure: string | null;
}

/** One request of a client, with all its repeats. */
interface Run {
  readonly prompt: string;
  readonly jobIds: readonly string[];
  readonly ends: readonly string[];
  /** For good. */
  readonly answered: boolean;
  readonly ms: number;
}

/** `size` is how many requests are cut. */
export async function proveHangups({ seed, size, dist, log }: ProofOptions): Promise<Proof> {
  const from = Date.now();
  const stage = await startStage({
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
      PLAYGROUND: 'off',
    },
    upstream: { seed, rates: noFaults, taskSeconds: TASK_SECONDS, listing: false },
    log,
  });
  const violations: string[] = [];
  try {
    const random = createRandom(`${seed}:hangups`);
    const some = Math.max(1, Math.round(size * SHARE));
    const killing = killOften(stage, Math.max(MIN_KILLS, Math.round(size * KILL_SHARE)), createRandom(`${seed}:kills`));
    const works = random.shuffled([...names(`${seed}-cut`, size).map((prompt) => ({ prompt, cuts: true })), ...names(`${seed}-late`, some).map((prompt) => ({ prompt, cuts: false }))]);
    const repeated = await inTurns(works, ({ prompt, cuts }) => untilAnswered(stage, prompt, createRandom(`${seed}:${prompt}`), cuts, violations));
    const kills = await killing.stop();
    log(`${repeated.length} requests cut or held for too long, ${kills} kills, after ${secondsSince(from)} s`);

    // Of a failed task 500 is the answer, which a repeat joins: these shall succeed.
    const succeeding = names(`${seed}-twice`, 3 * some + 10).filter((prompt) => planSubmit(seed, prompt, 1, noFaults, TASK_SECONDS).outcome === 'success').slice(0, some);
    const twice = await inTurns(succeeding, async (prompt) => {
      const one = await untilAnswered(stage, prompt, createRandom(`${seed}:${prompt}`), false, violations);
      const other = await untilAnswered(stage, prompt, createRandom(`${seed}:${prompt} again`), false, violations);
      return { prompt, jobIds: [...one.jobIds, ...other.jobIds], ends: [...one.ends, ...other.ends], answered: one.answered && other.answered, ms: one.ms + other.ms };
    });
    log(`${twice.length} answered requests repeated on purpose after ${secondsSince(from)} s`);

    await untilSettled(stage);
    const rows = await stage.database.query<Row>('select id, prompt, state, failure_code as failure from jobs');
    const received = readJournal<LedgerRecord>(stage.ledgerFile).flatMap((entry) => (entry.kind === 'received' ? [entry.jobId] : []));
    for (const run of repeated) violations.push(...violationsOf(run, rows, 1));
    for (const run of twice) violations.push(...violationsOf(run, rows, 2));
    const neverSent = new Set(rows.filter(({ id, failure }) => failure === 'SUBMIT_OUTCOME_UNKNOWN' && !received.includes(id)).map(({ prompt }) => prompt));
    // Nobody is killed any more when requests are repeated on purpose.
    const owed = [...repeated.filter(({ prompt }) => !neverSent.has(prompt)), ...twice];
    for (const { prompt, ends, answered } of owed) if (!answered) violations.push(`${prompt} had no answer: ${ends.join()}`);
    if (neverSent.size > NEVER_SENT_PER_KILL * kills) violations.push(`${neverSent.size} jobs were never sent, with ${kills} kills`);
    const expected = repeated.length + 2 * twice.length;
    if (rows.length !== expected) violations.push(`${rows.length} jobs, not ${expected}`);
    if (new Set(received).size !== received.length) violations.push(`${received.length} submits of ${new Set(received).size} jobs`);
    for (const { id, state } of rows) if (state !== 'SUCCEEDED' && state !== 'FAILED') violations.push(`${id} is ${state}`);
    const lateRuns = repeated.filter(({ ends }) => ends.includes('504')).length;
    if (lateRuns < some) violations.push(`only ${lateRuns} requests were answered 504`);
    const figures = { requests: repeated.length, twice: twice.length, jobs: rows.length, submits: received.length, neverSent: neverSent.size, kills, asks: countOf([...repeated, ...twice].flatMap(({ ends }) => ends)), ms: spreadOf(repeated.map(({ ms }) => ms)), seconds: secondsSince(from) };
    return { figures, violations };
  } finally {
    await stage.stop(violations.length > 0);
  }
}

const names = (name: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${name}-${index}`);

/** Repeats as clients do that know nothing of jobs: after a cut, a break and any 5xx, at either gateway, until it is answered for good. */
async function untilAnswered(stage: Stage, prompt: string, random: Random, cuts: boolean, violations: string[]): Promise<Run> {
  const from = performance.now();
  const jobIds = new Set<string>();
  const ends: string[] = [];
  let cutsLeft = cuts ? random.integer(1, 3) : 0;
  let failures = 0;
  while (performance.now() - from < RUN_LIMIT_MS) {
    const cut = cutsLeft > 0 ? { afterMs: random.between(0, MAX_CUT_MS), how: random.pick(['close', 'reset'] as const) } : null;
    const answer = await ask(random.pick(stage.gateways), stage.apiKey, prompt, cut);
    ends.push(answer.kind === 'answered' ? String(answer.status) : answer.kind);
    if (answer.kind === 'cut') cutsLeft -= 1;
    if (answer.kind === 'answered') {
      const { status, body } = answer;
      if (body.task_id !== undefined) jobIds.add(body.task_id);
      // A failed task stays failed: a client that repeats its 500 twice has joined it twice.
      if (status === 500 && body.task_id !== undefined) failures += 1;
      if (status < 500 || failures === 3) {
        if (status !== 200 && failures < 3) violations.push(`${prompt} was answered ${status} ${body.error?.code}`);
        return { prompt, jobIds: [...jobIds], ends, answered: true, ms: performance.now() - from };
      }
    }
    await setTimeout(random.pick([0, 0, random.between(0, 500)]));
  }
  return { prompt, jobIds: [...jobIds], ends, answered: false, ms: performance.now() - from };
}

/** A synchronous request by a connection of its own. A cut comes so long after the request was written, unless a byte of the answer was first. */
function ask({ url }: GatewayProcess, apiKey: string, prompt: string, cut: { readonly afterMs: number; readonly how: 'close' | 'reset' } | null): Promise<Answer> {
  return new Promise((resolve) => {
    const sent = request(`${url}/kling/motion`, { method: 'POST', agent: false, timeout: ASK_TIMEOUT_MS, headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` } });
    let timer: NodeJS.Timeout | undefined;
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    const hangUp = (): void => {
      end({ kind: 'cut' });
      if (cut?.how === 'reset') sent.socket?.resetAndDestroy();
      sent.destroy();
    };
    sent.on('finish', () => cut && (timer = globalThis.setTimeout(hangUp, cut.afterMs)));
    sent.on('timeout', () => sent.destroy()).on('error', () => end({ kind: 'broken' }));
    sent.on('response', (response) => {
      clearTimeout(timer);
      json(response).then((body) => end({ kind: 'answered', status: response.statusCode!, body: body as Extract<Answer, { kind: 'answered' }>['body'] }), () => end({ kind: 'broken' }));
    });
    sent.end(JSON.stringify({ ...BODY, prompt }));
  });
}

function violationsOf({ prompt, jobIds, ends }: Run, rows: readonly Row[], jobs: number): string[] {
  const made = rows.filter((row) => row.prompt === prompt).map(({ id }) => id);
  const story = `${prompt} (${ends.join()})`;
  const violations = made.length === jobs ? [] : [`${story} made ${made.length} jobs, not ${jobs}: ${made.join()}`];
  if (jobIds.length !== jobs || jobIds.some((id) => !made.includes(id))) violations.push(`${story} was told of ${jobIds.join()}`);
  return violations;
}

/** Kills one gateway after the other at once, and starts it again. */
function killOften(stage: Stage, count: number, random: Random): { stop(): Promise<number> } {
  let kills = 0;
  const killing = (async () => {
    while (kills < count) {
      await setTimeout(random.between(500, 2_000));
      const gateway = stage.gateways[kills % stage.gateways.length]!;
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

async function untilSettled(stage: Stage): Promise<void> {
  for (const until = Date.now() + SETTLE_LIMIT_MS; Date.now() < until; await setTimeout(500)) {
    const rows = await stage.database.query<{ open: number }>(`select count(*)::int as open from jobs where state not in ('SUCCEEDED', 'FAILED')`);
    if (rows[0]!.open === 0) return;
  }
}
