/** Keys of deleted jobs are not paid for again: acceptance and deletion over a real store, in every order. */
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createRetentionStore } from '../../../src/db/jobs/retention.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import { createAccept } from '../../../src/jobs/accept/accept.ts';
import type { MotionRequest } from '../../../src/jobs/accept/input-rules.ts';
import { asAdministrator } from '../../support/database.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { countRows } from '../../support/old-jobs.ts';

const KEY = 'order-1';
const request: MotionRequest = {
  imageUrl: 'https://cdn.example.com/a.png',
  videoUrl: 'https://cdn.example.com/a.mp4',
  prompt: 'Make it dance',
  mode: 'STD',
  model: null,
  characterOrientation: 'IMAGE',
  keepOriginalSound: true,
  watermark: false,
  labels: [],
  idempotencyKey: KEY,
};

const emptied = emptiedDatabase(10);

async function start() {
  const { url, connections } = await emptied();
  const store = createJobStore(connections);
  const effects: string[] = [];
  const deps = {
    upstream: { id: 'test', sandbox: true },
    effects: [async (_tx: unknown, { id }: { id: string }) => (effects.push(id), null)],
    nudge: () => undefined,
    checkWebhookUrl: () => ({ ok: false as const, code: 'INVALID_URL' as const, message: 'none here' }),
  };
  const accept = createAccept({ store, ...deps });
  return {
    url,
    pool: connections.pool,
    store,
    effects,
    accept: (changes: Partial<MotionRequest> = {}, accountId = 'default') =>
      accept(accountId, { ...request, ...changes }),
    /** Accepts the request over a store that the test has modified. */
    acceptOver: (changed: typeof store) => createAccept({ store: changed, ...deps })('default', request),
    /** Accepts a job and ends it. */
    async acceptAndEnd() {
      const result = await accept('default', request);
      if (result.kind !== 'accepted') throw new Error(result.kind);
      await connections.pool.query(
        `update jobs set state = 'CANCELED', rank = 1004, completed_at = now() where id = '${result.job.id}'`,
      );
      return result.job.id;
    },
  };
}

describe('the key of a deleted job', () => {
  test('is rejected as JOB_DELETED for the same input and as reused for a different one, and nothing is stored', async () => {
    const { url, store, accept, acceptAndEnd, effects } = await start();
    const id = await acceptAndEnd();
    expect(await store.deleteEndedJob('default', id)).toBe(true);
    expect(await accept()).toEqual({ kind: 'jobDeleted' });
    expect(await accept({ prompt: 'something else' })).toEqual({ kind: 'keyReused' });
    expect(await countRows(url)).toMatchObject({ jobs: 0, spentKeys: 1 });
    expect(effects).toEqual([id]);
  });

  test('is also spent if the job was deleted by age rather than by its owner', async () => {
    const { url, store, accept, acceptAndEnd } = await start();
    await acceptAndEnd();
    await asAdministrator(`update jobs set completed_at = now() - interval '8 days'`, url);
    expect(await store.deleteEndedJobsByAge(7, 10)).toBe(1);
    expect(await accept()).toEqual({ kind: 'jobDeleted' });
  });

  test('does not affect another account', async () => {
    const { store, accept, acceptAndEnd } = await start();
    await store.deleteEndedJob('default', await acceptAndEnd());
    expect(await accept({}, 'somebody-else')).toMatchObject({ kind: 'accepted' });
  });

  test('is free again after its retention time, and can be spent again', async () => {
    const { url, store, accept, acceptAndEnd } = await start();
    await store.deleteEndedJob('default', await acceptAndEnd());
    await asAdministrator(`update spent_keys set deleted_at = now() - interval '31 days'`, url);
    expect(await store.deleteSpentKeysByAge(30, 10)).toBe(1);
    const again = await acceptAndEnd();
    await store.deleteEndedJob('default', again);
    expect(await accept()).toEqual({ kind: 'jobDeleted' });
    expect(await asAdministrator('select job_id from spent_keys', url)).toEqual([{ job_id: again }]);
  });
});

describe('a concurrent deletion', () => {
  test('that commits while the insert waits for it is seen', async () => {
    const { url, accept, acceptAndEnd } = await start();
    const id = await acceptAndEnd();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('begin');
    expect(await createRetentionStore({ db: drizzle(client) }).deleteEndedJob('default', id)).toBe(true);
    const accepting = accept();
    await expect
      .poll(() =>
        asAdministrator(
          `select 1 as waits from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into "jobs"%'`,
          url,
        ),
      )
      .toEqual([{ waits: 1 }]);
    await client.query('commit');
    expect(await accepting).toEqual({ kind: 'jobDeleted' });
    expect(await countRows(url)).toMatchObject({ jobs: 0 });
  });

  test('that is rolled back while the insert waits for it lets the request return the job', async () => {
    const { url, accept, acceptAndEnd } = await start();
    const id = await acceptAndEnd();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('begin');
    await createRetentionStore({ db: drizzle(client) }).deleteEndedJob('default', id);
    const accepting = accept();
    await expect
      .poll(() =>
        asAdministrator(
          `select 1 as waits from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into "jobs"%'`,
          url,
        ),
      )
      .toEqual([{ waits: 1 }]);
    await client.query('rollback');
    expect(await accepting).toMatchObject({ kind: 'replayed', job: { id } });
  });

  test('that happens between the insert and the search for the job of the key is seen', async () => {
    const { store, acceptOver, acceptAndEnd } = await start();
    const id = await acceptAndEnd();
    const deletingBetween: typeof store = {
      ...store,
      async findByKey(...args) {
        await store.deleteEndedJob('default', id);
        return store.findByKey(...args);
      },
    };
    expect(await acceptOver(deletingBetween)).toEqual({ kind: 'jobDeleted' });
  });

  test('never lets a second job through in 300 rounds', { timeout: 180_000 }, async () => {
    const { pool, store, accept, acceptAndEnd, effects } = await start();
    const kinds: string[] = [];
    for (let round = 0; round < 300; round += 1) {
      const id = await acceptAndEnd();
      const [deleted, ...results] = await Promise.all([
        store.deleteEndedJob('default', id),
        ...Array.from({ length: 6 }, () => accept()),
      ]);
      expect(deleted).toBe(true);
      for (const result of results) {
        kinds.push(result.kind);
        if (result.kind === 'replayed') expect(result.job.id).toBe(id);
      }
      const { rows } = await pool.query(
        'select (select count(*)::int from jobs) as jobs, (select count(*)::int from spent_keys) as spent',
      );
      expect(rows, `round ${round}`).toEqual([{ jobs: 0, spent: 1 }]);
      await pool.query('delete from spent_keys');
    }
    // Both orders have occurred, and no other result.
    expect([...new Set(kinds)].sort()).toEqual(['jobDeleted', 'replayed']);
    expect(effects).toHaveLength(300);
  });
});
