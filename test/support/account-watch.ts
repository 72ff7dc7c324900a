/** The account feed without a gateway: the core on a real database, and transactions that a test holds open. */
import { v7 as uuidv7 } from 'uuid';
import pg from 'pg';
import { createConnections } from '../../src/db/connection/client.ts';
import { FEED_CHANNEL, startFeed } from '../../src/db/feed/feed.ts';
import { createJobStore } from '../../src/db/stores.ts';
import { createAccountWatch } from '../../src/jobs/watch/watch-account.ts';
import type { JobUpdate } from '../../src/jobs/watch/account-watcher.ts';
import type { ChangeReader } from '../../src/jobs/ports/changes.ts';
import { createDatabase } from './database.ts';
import { submittingJob } from './life.ts';
import { onEnd } from './on-end.ts';

export const ACCOUNT = 'default';

interface AccountWatchOptions {
  readonly url?: string;
  /** A store that is shared with other tests; the test then uses a separate account. */
  readonly base?: Awaited<ReturnType<typeof startStore>>;
  readonly maxUnread?: number;
  /** Wraps the reader that the feed uses. */
  readonly around?: (reader: ChangeReader) => ChangeReader;
}

/** Starts the parts that have connections, on the given database or on a new one. */
export async function startStore(given?: string) {
  const url = given ?? (await createDatabase());
  const connections = createConnections(url, 4, () => undefined);
  onEnd(() => connections.pool.end());
  const feed = await startFeed(url, () => undefined);
  onEnd(() => feed.stop());
  return { url, feed, store: createJobStore(connections, feed.announce) };
}

/** Starts the account feed on a shared store, on the given database, or on a new one. */
export async function startAccountWatch({
  url: given,
  base,
  maxUnread = 1_000,
  around = (reader) => reader,
}: AccountWatchOptions = {}) {
  const { url, feed, store } = base ?? (await startStore(given));
  const account = base ? uuidv7() : ACCOUNT;
  const warnings: string[] = [];
  const log = {
    info: () => undefined,
    warn: (_fields: object, message: string) => void warnings.push(message),
    error: (_fields: object, message: string) => void warnings.push(message),
  };
  const accountWatch = createAccountWatch({ reader: around(store), feed, log, maxUnread });
  onEnd(() => accountWatch.stop());

  const { input } = submittingJob();
  /** Inserts the jobs in one transaction. */
  const insertMany = (count: number, accountId = account) =>
    store.transaction(async (tx) => {
      const ids: string[] = [];
      for (const id of Array.from({ length: count }, () => uuidv7())) {
        await store.insert(tx, {
          id,
          accountId,
          upstreamId: 'test',
          sandbox: true,
          input,
          labels: [],
          idempotencyKey: null,
          inputHash: 'v1:',
        });
        ids.push(id);
      }
      return ids;
    });
  const insert = async (accountId = account) => (await insertMany(1, accountId))[0]!;
  const amend = (id: string) => store.transaction((tx) => store.amend(tx, id, {})).then((job) => job!.version);
  return { url, account, store, feed, accountWatch, insert, insertMany, amend, warnings };
}

/** Opens a transaction that has its id and has changed nothing yet. */
export async function openTransaction(url: string) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onEnd(() => client.end());
  await client.query('begin');
  const { rows } = await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid');
  return {
    xid: BigInt(rows[0]!.xid),
    async amend(id: string) {
      await client.query('update jobs set version = version + 1, changed_xid = pg_current_xact_id() where id = $1', [
        id,
      ]);
      await client.query(
        `select pg_notify('${FEED_CHANNEL}', concat_ws(' ', id, version, account_id)) from jobs where id = $1`,
        [id],
      );
    },
    commit: () => client.query('commit'),
  };
}

/** Reads `count` updates, or fewer if the iterator ends first. */
export async function read(updates: AsyncIterator<JobUpdate>, count: number): Promise<JobUpdate[]> {
  const read: JobUpdate[] = [];
  while (read.length < count) {
    const result = await updates.next();
    if (result.done) break;
    read.push(result.value);
  }
  return read;
}

export async function readOne(updates: AsyncIterator<JobUpdate>): Promise<JobUpdate> {
  const [update] = await read(updates, 1);
  if (!update) throw new Error('it has ended');
  return update;
}

export const said = (updates: readonly JobUpdate[]) => updates.map(({ job: { id, version } }) => `${id} ${version}`);
