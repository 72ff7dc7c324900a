/** The clients of a scenario, and the violations that the checker finds in their records. */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { check, violationKinds, type ViolationKind } from '../chaos/checker/check.ts';
import { gatherEvidence } from '../chaos/checker/gather.ts';
import { createClient, type ClientRates, type ProvingClient } from '../harness/clients/client.ts';
import type { ClientRecord } from '../harness/clients/records.ts';
import { openJournal, readJournal, type Entry, type Journal } from '../harness/journal.ts';
import { createRandom } from '../harness/random.ts';
import type { Harness } from '../harness/harness.ts';
import type { LedgerRecord } from '../harness/upstream/messages.ts';
import { noFaults } from '../harness/upstream/plan.ts';
import type { Bench } from './planted-bug.ts';

export interface Load {
  /** The file in which the clients record their operations. */
  readonly file: string;
  readonly journal: Journal<ClientRecord>;
  /** Submits the job with this number once. Resolves when the request was answered or has failed. */
  submit(number: number): Promise<void>;
  /**
   * Submits jobs with numbers from 0, `writers` at once, until `signal` aborts. Resolves when all requests were
   * answered or have failed.
   */
  run(writers: number, signal: AbortSignal): Promise<void>;
  records(): readonly Entry<ClientRecord>[];
  /** Returns the ids of the jobs that were acknowledged so far. */
  acknowledged(): readonly string[];
}

const quiet: ClientRates = { watched: 0, repeated: 0, raced: 0, canceled: 0, read: 0, givenUp: 1 };

/** The pause after each request, because a server that is down refuses many in a short time. */
const PAUSE_MS = 10;

export function createLoad(bench: Bench, harness: Harness, rates: Partial<ClientRates> = {}): Load {
  const file = join(harness.folder, 'clients.jsonl');
  const journal = openJournal<ClientRecord>(file);
  const { signal } = new AbortController();
  const createOne = (name: string): ProvingClient =>
    createClient({
      name,
      seed: bench.seed,
      harness,
      journal,
      random: createRandom(`${bench.seed}:${name}`),
      rates: { ...quiet, ...rates },
      signal,
    });
  const records = (): readonly Entry<ClientRecord>[] => readJournal<ClientRecord>(file);
  let next = 0;

  return {
    file,
    journal,
    submit: (number) => createOne(`c${number}`).run(number),
    async run(writers, until) {
      await Promise.all(
        Array.from({ length: writers }, async (_, index) => {
          const client = createOne(`w${index}`);
          while (!until.aborted) {
            await client.run(next++);
            await setTimeout(PAUSE_MS);
          }
        }),
      );
    },
    records,
    acknowledged: () =>
      records().flatMap((record) => (record.op === 'generate' && record.type === 'ok' ? [record.seen.jobId] : [])),
  };
}

export const readLedger = (harness: Harness): readonly Entry<LedgerRecord>[] =>
  readJournal<LedgerRecord>(harness.ledgerFile);

/** Checks rules of the chaos run, and returns one sentence for each that is violated. */
export async function violationsOf(
  harness: Harness,
  load: Load,
  kinds: readonly ViolationKind[],
  webhooksFile: string | null = null,
): Promise<readonly string[]> {
  const found = check(await gatherEvidence(harness, load.file, webhooksFile));
  return kinds.flatMap((kind) => {
    const count = found.filter((violation) => violation.kind === kind).length;
    return count > 0 ? [`${violationKinds[kind]}: ${count}`] : [];
  });
}

const CHECK_MS = 200;

/** Returns whether `isSo` becomes true within `limitMs`. */
export async function comesTrue(isSo: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  for (const until = Date.now() + limitMs; Date.now() < until; await setTimeout(CHECK_MS))
    if (await isSo()) return true;
  return isSo();
}

/** Waits until `isSo` is true, and throws after `limitMs`, for conditions without which a scenario cannot continue. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  if (!(await comesTrue(isSo, limitMs))) throw new Error(`${what}: not within ${limitMs / 1_000} s`);
}

/** Copies the only job until there are `count` jobs. */
export async function multiplyJob({ database }: Harness, count: number): Promise<void> {
  const columns =
    'account_id, upstream_id, sandbox, image_url, video_url, mode, character_orientation, keep_original_sound, watermark, labels, input_hash';
  await database.query(
    `insert into jobs (id, ${columns}) select gen_random_uuid(), ${columns} from jobs, generate_series(2, ${count})`,
  );
}

const HOUR_MS = 3_600_000;

/**
 * Closes the gate for `ms`, so that jobs stay queued. If that is at most a second, all gateways check again at the
 * moment when the gate opens.
 */
export async function pauseGate({ database }: Harness, ms = HOUR_MS): Promise<void> {
  await database.query(
    `insert into gates (upstream_id, paused_until) values ('acedata', now() + interval '${ms} ms') on conflict (upstream_id) do update set paused_until = excluded.paused_until`,
  );
}

/** Returns the options of an upstream without faults, whose tasks take `taskSeconds`. */
export const calmUpstream = (bench: Bench, taskSeconds: number) =>
  ({ seed: bench.seed, rates: noFaults, taskSeconds: [taskSeconds, taskSeconds], listing: false }) as const;
