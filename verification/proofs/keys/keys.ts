/**
 * A race for idempotency keys: parallel calls with one key, on two instances, make one job and one submit. If two
 * payloads compete for one key, exactly one of them wins, and every call with the other one is refused as a reuse of
 * the key.
 */
import { setTimeout } from 'node:timers/promises';
import { createRandom } from '../../harness/random.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import { readJournal } from '../../harness/journal.ts';
import type { LedgerRecord } from '../../harness/upstream/messages.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

const CALLS_PER_KEY = 20;
/** The number of keys that are raced for concurrently. */
const KEYS_AT_ONCE = 3;
/** The number of additional keys that are raced for with two payloads, relative to the keys with one. */
const CONTESTED_SHARE = 0.25;
const SETTLE_LIMIT_MS = 60_000;
const CALL_TIMEOUT_MS = 30_000;
const MAX_REPEATS = 20;
const REPEAT_MS = 100;

const GENERATE = `mutation ($input: GenerateMotionInput!) { payload: generateMotion(input: $input) { replayed job { id } userErrors { code } } }`;
const INPUT = { imageUrl: 'https://media.example.com/character.jpg', videoUrl: 'https://media.example.com/motion.mp4' };

interface Payload {
  readonly replayed: boolean;
  readonly job: { readonly id: string } | null;
  readonly userErrors: readonly { readonly code: string }[];
}

interface Call {
  readonly key: string;
  readonly payload: 'one' | 'other';
  readonly ms: number;
  /** Null if the call returned no job; `reason` says why. */
  readonly jobId: string | null;
  readonly replayed: boolean;
  readonly reason: string;
  /** The number of times that the call was repeated because its outcome was unknown. */
  readonly repeats: number;
}

/** `size` is the number of keys that are raced for with one payload. */
export async function proveKeys({ seed, size, dist, log }: ProofOptions): Promise<Proof> {
  const from = Date.now();
  const harness = await startHarness({
    gateways: 2,
    ...(dist !== undefined && { dist }),
    settings: { UPSTREAM_MAX_IN_FLIGHT: '1000', UPSTREAM_SUBMITS_PER_SECOND: '1000', PLAYGROUND: 'off' },
    upstream: { seed, rates: noFaults, taskSeconds: [0.1, 0.5], listing: false },
    log,
  });
  const violations: string[] = [];
  try {
    const random = createRandom(`${seed}:keys`);
    const race = async (key: string, contested: boolean): Promise<Call[]> => {
      const payloads = random.shuffled(
        Array.from({ length: CALLS_PER_KEY }, (_, index): Call['payload'] =>
          contested && index % 2 ? 'other' : 'one',
        ),
      );
      return Promise.all(payloads.map((payload, index) => call(harness, key, payload, index)));
    };
    const contested = Math.max(1, Math.round(size * CONTESTED_SHARE));
    const agreed = (await inBatches(size, (number) => race(`${seed}-agreed-${number}`, false))).flat();
    log(`${size} keys with one payload after ${secondsSince(from)} s`);
    const fought = (await inBatches(contested, (number) => race(`${seed}-contested-${number}`, true))).flat();
    log(`${contested} keys with two payloads after ${secondsSince(from)} s`);

    const keys = size + contested;
    await untilSettled(harness);
    const rows = await harness.database.query<{ id: string; key: string; state: string }>(
      'select id, idempotency_key as key, state from jobs',
    );
    const received = readJournal<LedgerRecord>(harness.ledgerFile).flatMap((entry) =>
      entry.kind === 'received' ? [entry.jobId] : [],
    );
    violations.push(...violationsOf(agreed, rows, 0), ...violationsOf(fought, rows, CALLS_PER_KEY / 2));
    if (rows.length !== keys) violations.push(`${rows.length} jobs of ${keys} keys`);
    if (received.length !== keys || new Set(received).size !== keys)
      violations.push(`${received.length} submits of ${new Set(received).size} jobs, of ${keys} keys`);
    const open = rows.filter(({ state }) => state !== 'SUCCEEDED' && state !== 'FAILED').length;
    if (open > 0) violations.push(`${open} jobs have not ended`);
    const figuresOf = (calls: readonly Call[]) => ({
      calls: calls.length,
      answers: countOf(calls.map(({ reason }) => reason)),
      repeated: calls.filter(({ repeats }) => repeats > 0).length,
      ms: spreadOf(calls.map(({ ms }) => ms)),
    });
    return {
      figures: {
        keys,
        jobs: rows.length,
        submits: received.length,
        onePayload: figuresOf(agreed),
        twoPayloads: figuresOf(fought),
        seconds: secondsSince(from),
      },
      violations,
    };
  } finally {
    await harness.stop(violations.length > 0);
  }
}

/**
 * Makes one call. Calls alternate between the instances, and every fourth has the key in the header. A call is repeated
 * while its outcome is unknown, as clients do.
 */
async function call(harness: Harness, key: string, payload: Call['payload'], index: number): Promise<Call> {
  const gateway = harness.gateways[index % 2]!;
  const inHeader = index % 4 === 3;
  const input = { ...INPUT, prompt: `${key} ${payload}`, ...(!inHeader && { idempotencyKey: key }) };
  const from = performance.now();
  for (let repeats = 0; ; repeats += 1) {
    const reply = await harness.send<{ payload: Payload | null }>(gateway, {
      query: GENERATE,
      variables: { input },
      ...(inHeader && { headers: { 'idempotency-key': key } }),
      timeoutMs: CALL_TIMEOUT_MS,
    });
    const answer = reply.kind === 'answered' ? reply.answer.data?.payload : null;
    if (!answer && repeats < MAX_REPEATS) {
      await setTimeout(REPEAT_MS);
      continue;
    }
    const reason = !answer
      ? 'unanswered'
      : answer.job
        ? answer.replayed
          ? 'replayed'
          : 'accepted'
        : (answer.userErrors[0]?.code ?? 'nothing');
    return {
      key,
      payload,
      ms: performance.now() - from,
      jobId: answer?.job?.id ?? null,
      replayed: answer?.replayed ?? false,
      reason,
      repeats,
    };
  }
}

/**
 * The calls of each key must return one job, which is accepted once. Exactly `losers` of them must be refused, all with
 * the same payload.
 */
function violationsOf(
  calls: readonly Call[],
  rows: readonly { readonly id: string; readonly key: string }[],
  losers: number,
): string[] {
  const violations: string[] = [];
  for (const key of new Set(calls.map((made) => made.key))) {
    const mine = calls.filter((made) => made.key === key);
    const [won, lost] = [mine.filter(({ jobId }) => jobId !== null), mine.filter(({ jobId }) => jobId === null)];
    const ids = new Set([
      ...won.map(({ jobId }) => jobId),
      ...rows.filter((row) => row.key === key).map(({ id }) => id),
    ]);
    if (ids.size !== 1) violations.push(`${key}: ${ids.size} jobs: ${[...ids].join(', ')}`);
    const accepted = won.filter(({ replayed }) => !replayed).length;
    // The answer that reported the new job may have been lost.
    if (accepted > 1 || (accepted === 0 && mine.every(({ repeats }) => repeats === 0)))
      violations.push(`${key}: ${accepted} calls say that they made the job`);
    if (new Set(won.map(({ payload }) => payload)).size !== 1) violations.push(`${key}: both payloads won`);
    if (lost.length !== losers || lost.some(({ reason }) => reason !== 'IDEMPOTENCY_KEY_REUSED'))
      violations.push(`${key}: ${JSON.stringify(countOf(mine.map(({ reason }) => reason)))}`);
  }
  return violations;
}

async function inBatches<T>(count: number, work: (number: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: KEYS_AT_ONCE }, async () => {
      while (next < count) results.push(await work(next++));
    }),
  );
  return results;
}

async function untilSettled(harness: Harness): Promise<void> {
  for (const until = Date.now() + SETTLE_LIMIT_MS; Date.now() < until; await setTimeout(500)) {
    const rows = await harness.database.query<{ open: number }>(
      `select count(*)::int as open from jobs where state not in ('SUCCEEDED', 'FAILED')`,
    );
    if (rows[0]!.open === 0) return;
  }
}
