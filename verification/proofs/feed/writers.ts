/**
 * Writers that change jobs and announce the changes as the gateway does, in transactions that overlap in every way, and
 * a record of what they committed.
 */
import { randomInt } from 'node:crypto';
import pg from 'pg';
import type { RunningFeed } from '../../../src/db/feed/feed.ts';

export const ACCOUNT = 'proved';

/** The committed changes: when each version of each job was committed, by the clock of this process. */
export interface Ledger {
  readonly jobIds: readonly string[];
  readonly committedAt: ReadonlyMap<string, readonly number[]>;
  changes(): number;
  /** Resolves once this many changes are committed, or once there will be no more. */
  until(changes: number): Promise<void>;
}

export interface WriterFigures {
  readonly transactions: number;
  readonly rolledBack: number;
  /** Changes whose transaction is older than the one that made the previous change to the same job. */
  readonly wentDown: number;
}

const WRITERS = 16;
const HOT_JOBS = 20;
const fields = {
  image_url: 'https://a.com/a.png',
  video_url: 'https://a.com/a.mp4',
  mode: 'STD',
  character_orientation: 'IMAGE',
  upstream_id: 'prove',
  input_hash: 'v1:',
};

/** Equivalent to the store's `amend`. */
const AMEND =
  'update jobs set version = version + 1, updated_at = now(), changed_xid = pg_current_xact_id() where id = $1 returning version';

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

async function amend(client: pg.Client, jobId: string): Promise<number> {
  const { rows } = await client.query<{ version: number }>({ name: 'amend', text: AMEND, values: [jobId] });
  return rows[0]!.version;
}

async function insertJobs(client: pg.Client, accountId: string, count: number): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `insert into jobs (id, account_id, sandbox, keep_original_sound, watermark, labels, ${Object.keys(fields).join()})
     select gen_random_uuid(), $1, true, true, false, '[]', ${Object.values(fields)
       .map((value) => `'${value}'`)
       .join()} from generate_series(1, $2)
     returning id`,
    [accountId, count],
  );
  await client.query('analyze jobs');
  return rows.map(({ id }) => id);
}

/** Calls `announce` as the store would. */
export async function createWriters(
  url: string,
  changes: number,
  announce: RunningFeed['announce'],
): Promise<{ readonly ledger: Ledger; run(): Promise<WriterFigures> }> {
  const clients = await Promise.all(Array.from({ length: WRITERS }, () => connect(url)));
  const long = await connect(url);
  const jobIds = await insertJobs(long, ACCOUNT, Math.max(HOT_JOBS * 2, Math.ceil(changes / 5)));
  await insertJobs(long, 'somebody-else', HOT_JOBS);
  const committedAt = new Map(jobIds.map((id) => [id, [0, 0]]));
  const lastXid = new Map<string, bigint>();
  const waiting = new Set<{ readonly changes: number; resolve(): void }>();
  let [count, begun, transactions, rolledBack, wentDown] = [0, 0, 0, 0, 0];
  let ended = false;

  const tell = (): void => {
    for (const waiter of waiting) {
      if (!ended && waiter.changes > count) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  };

  function record(jobId: string, version: number, xid: bigint): void {
    committedAt.get(jobId)![version] = performance.now();
    announce({ id: jobId, version, accountId: ACCOUNT });
    if (xid < (lastXid.get(jobId) ?? 0n)) wentDown += 1;
    lastXid.set(jobId, xid);
    count += 1;
    tell();
  }

  /**
   * Picks jobs in a fixed order, so that writers wait for each other but never deadlock. The first job is reserved for
   * the long transaction.
   */
  function pick(): string[] {
    const indexes = Array.from({ length: randomInt(1, 4) }, () =>
      randomInt(10) === 0 ? randomInt(1, HOT_JOBS) : randomInt(1, jobIds.length),
    );
    return [...new Set(indexes)].sort((a, b) => a - b).map((index) => jobIds[index]!);
  }

  /**
   * Runs one transaction. It takes its transaction id before it writes the rows, so that other transactions overtake
   * it.
   */
  async function write(client: pg.Client): Promise<void> {
    const picked = pick();
    begun += picked.length;
    await client.query('begin');
    const { rows } = await client.query<{ xid: string }>({
      name: 'xid',
      text: 'select pg_current_xact_id()::text as xid',
    });
    for (let steps = randomInt(4); steps > 0; steps -= 1) await client.query('select 1');
    const written = new Map<string, number>();
    for (const id of picked) written.set(id, await amend(client, id));
    transactions += 1;
    if (randomInt(20) === 0) {
      await client.query('rollback');
      rolledBack += 1;
      begun -= picked.length;
      return;
    }
    await client.query('commit');
    for (const [id, version] of written) record(id, version, BigInt(rows[0]!.xid));
  }

  async function run(): Promise<WriterFigures> {
    try {
      // Stays open during the whole run. Whatever it holds up on the server, it must not hold up any follower.
      await long.query('begin');
      await amend(long, jobIds[0]!);
      await Promise.all(
        clients.map(async (client) => {
          while (begun < changes) await write(client);
        }),
      );
      await long.query('commit');
      record(jobIds[0]!, 2, 0n);
      return { transactions, rolledBack, wentDown };
    } finally {
      ended = true;
      tell();
      await Promise.all([long, ...clients].map((client) => client.end()));
    }
  }

  const ledger: Ledger = {
    jobIds,
    committedAt,
    changes: () => count,
    until: (target) =>
      new Promise((resolve) => {
        waiting.add({ changes: target, resolve });
        tell();
      }),
  };
  return { ledger, run };
}
