/**
 * Durability: kills PostgreSQL, all its processes at once, while the real core and store accept jobs and work on them.
 * All acknowledged writes are present afterwards, and writing resumes within seconds.
 */
import { setTimeout } from 'node:timers/promises';
import { closePool, createConnections, type Connections } from '../../../src/db/connection/client.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import { createAccept } from '../../../src/jobs/accept/accept.ts';
import type { MotionRequest } from '../../../src/jobs/accept/input-rules.ts';
import type { HarnessDatabase } from '../../harness/database.ts';
import { withDatabase } from '../../harness/own-database.ts';
import { createRandom } from '../../harness/random.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

/**
 * The number of writers of each kind, and the maximum rate of all writers of a kind together. An accept is a
 * transaction of six statements, and the start of work on a job is a transaction of one.
 */
const ACCEPTERS = 8;
const WORKERS = 16;
const ACCEPTS_PER_SECOND = 150;
const WORKS_PER_SECOND = 1_100;
/** The pause between the first write after a kill and the next kill. */
const PAUSE_MS: readonly [number, number] = [3_000, 6_000];
const UP_LIMIT_MS = 60_000;
const WRITING_LIMIT_MS = 3_000;
const RETRY_MS = 150;

const INPUT = {
  imageUrl: 'https://media.example.com/a.jpg',
  videoUrl: 'https://media.example.com/a.mp4',
  prompt: 'Kept',
  mode: 'STD',
  model: null,
  characterOrientation: 'IMAGE',
  keepOriginalSound: true,
  watermark: false,
  labels: [],
} as const;

/** The outcomes of the writes, as the writers know them. */
interface Told {
  readonly accepted: string[];
  readonly unsure: string[];
  works: number;
  readonly lost: string[];
  readonly failures: string[];
  readonly acceptMs: number[];
  readonly workMs: number[];
  /** The latest start of an acknowledged write, ms. */
  lastBegunAt: number;
}

/** `size` is the number of times that PostgreSQL is killed. */
export const proveDurability = (options: ProofOptions): Promise<Proof> =>
  withDatabase((database) => proveDurabilityOf(database, options));

async function proveDurabilityOf(database: HarnessDatabase, { seed, size, log }: ProofOptions): Promise<Proof> {
  const from = Date.now();
  const connections = createConnections(database.url, ACCEPTERS + WORKERS, () => undefined);
  const told: Told = {
    accepted: [],
    unsure: [],
    works: 0,
    lost: [],
    failures: [],
    acceptMs: [],
    workMs: [],
    lastBegunAt: 0,
  };
  const violations: string[] = [];
  try {
    const stopping = new AbortController();
    const writers = await startWriters(connections, seed, told, stopping.signal);
    const random = createRandom(`${seed}:kills`);
    const silenceMs: number[] = [];
    let writingMs = 0;
    let writes = 0;
    for (let kill = 0; kill < size; kill += 1) {
      const [since, before] = [Date.now(), told.accepted.length + told.works];
      await setTimeout(random.between(...PAUSE_MS));
      writingMs += Date.now() - since;
      writes += told.accepted.length + told.works - before;
      await database.killAll();
      const killedAt = performance.now();
      // Waits for an acknowledged write that was started after the kill. Writes in progress may still be answered.
      while (told.lastBegunAt <= killedAt && performance.now() - killedAt < UP_LIMIT_MS) await setTimeout(2);
      silenceMs.push(performance.now() - killedAt);
      log(
        `kill ${kill + 1}: writing again after ${Math.round(silenceMs.at(-1)!)} ms; ${told.accepted.length} jobs accepted, ${told.works} works counted`,
      );
    }
    await setTimeout(500);
    stopping.abort();
    await Promise.all(writers);

    const rows = await database.query<{ key: string }>('select idempotency_key as key from jobs');
    const kept = new Set(rows.map(({ key }) => key));
    const missing = told.accepted.filter((key) => !kept.has(key));
    const silence = spreadOf(silenceMs);
    for (const key of missing) violations.push(`job ${key} was acknowledged and is missing`);
    violations.push(...told.lost);
    if (silence.max > WRITING_LIMIT_MS)
      violations.push(`writing went on only ${silence.max} ms after a kill, and the limit is ${WRITING_LIMIT_MS} ms`);
    return {
      figures: {
        kills: silenceMs.length,
        acknowledged: { jobs: told.accepted.length, works: told.works },
        acknowledgedButMissing: missing.length + told.lost.length,
        unsureJobs: { all: told.unsure.length, there: told.unsure.filter((key) => kept.has(key)).length },
        writesPerSecond: Math.round((1_000 * writes) / writingMs),
        silenceMs: silence,
        acceptMs: spreadOf(told.acceptMs),
        workMs: spreadOf(told.workMs),
        failures: countOf(told.failures),
        seconds: secondsSince(from),
      },
      violations,
    };
  } finally {
    await closePool(connections);
  }
}

/** Resolves once the writers are running, with promises that resolve once the writers have stopped. */
async function startWriters(
  connections: Connections,
  seed: string,
  told: Told,
  signal: AbortSignal,
): Promise<Promise<void>[]> {
  const store = createJobStore(connections);
  const accept = createAccept({
    store,
    upstream: { id: 'acedata', sandbox: false },
    effects: [],
    checkWebhookUrl: () => ({ ok: false, code: 'INVALID_URL', message: 'none here' }),
    nudge: () => undefined,
  });
  const acceptPace = createPace(ACCEPTS_PER_SECOND);
  const workPace = createPace(WORKS_PER_SECOND);

  async function acceptOne(writer: number, number: number): Promise<string | null> {
    const idempotencyKey = `${seed}-${writer}-${number}`;
    const request: MotionRequest = { ...INPUT, idempotencyKey };
    const begunAt = performance.now();
    try {
      const result = await accept(`account-${writer}`, request);
      if (result.kind !== 'accepted') throw new Error(result.kind);
      told.accepted.push(idempotencyKey);
      told.acceptMs.push(performance.now() - begunAt);
      told.lastBegunAt = Math.max(told.lastBegunAt, begunAt);
      return result.job.id;
    } catch (error) {
      told.unsure.push(idempotencyKey);
      await afterFailure(error);
      return null;
    }
  }

  /**
   * Counts the start of work on a job that no other writer uses. Each acknowledged count must be higher than all
   * before.
   */
  async function workOn(jobId: string, last: number): Promise<number> {
    const begunAt = performance.now();
    try {
      const count = await store.beginWork(jobId);
      if (count <= last)
        told.lost.push(`work on job ${jobId} was acknowledged as ${last}, and the next one as ${count}`);
      told.works += 1;
      told.workMs.push(performance.now() - begunAt);
      told.lastBegunAt = Math.max(told.lastBegunAt, begunAt);
      return count;
    } catch (error) {
      await afterFailure(error);
      return last;
    }
  }

  async function afterFailure(error: unknown): Promise<void> {
    told.failures.push((error as Error).name);
    await setTimeout(RETRY_MS);
  }

  const worked = await Promise.all(Array.from({ length: WORKERS }, (_, index) => acceptOne(ACCEPTERS + index, 0)));
  return [
    ...Array.from({ length: ACCEPTERS }, async (_, writer) => {
      for (let number = 0; !signal.aborted; number += 1) {
        await acceptPace();
        await acceptOne(writer, number);
      }
    }),
    ...worked.map(async (jobId) => {
      for (let last = 0; jobId !== null && !signal.aborted;) {
        await workPace();
        last = await workOn(jobId, last);
      }
    }),
  ];
}

/** Limits callers to `perSecond` a second. Callers that fall behind catch up on 50 ms at most. */
function createPace(perSecond: number): () => Promise<void> {
  let next = 0;
  return async () => {
    const now = performance.now();
    next = Math.max(next, now - 50) + 1_000 / perSecond;
    if (next > now) await setTimeout(next - now);
  };
}
