/** Deletion by age, over a real store. */
import pg from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createConnections } from '../../../src/db/connection/client.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import { jobStates } from '../../../src/jobs/model/job.ts';
import { startLoop } from '../../../src/concurrency/loop.ts';
import { agedJobs, createRetention, type Keep } from '../../../src/jobs/retain/delete-by-age.ts';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { startGateway } from '../../support/gateway.ts';
import { addJobs, countRows } from '../../support/old-jobs.ts';
import { countStatements } from '../../support/statements.ts';

const { signal } = new AbortController();
const MINUTE_MS = 60_000;

const emptied = emptiedDatabase();

/** Opens the database as another instance, with its own connections. */
function openDatabase(url: string) {
  const connections = createConnections(url, 4, () => undefined);
  onTestFinished(() => connections.pool.end());
  return { url, connections };
}

async function start(keep: Partial<Keep> = {}, database?: ReturnType<typeof openDatabase>) {
  const { url, connections } = database ?? (await emptied());
  const store = createJobStore(connections);
  const said: object[] = [];
  const log = {
    info: (fields: object) => void said.push(fields),
    warn: (fields: object) => void said.push(fields),
    error: () => undefined,
  };
  const retention = createRetention(
    agedJobs(store, { jobsDays: null, timelinesDays: null, callbacksDays: 30, spentKeysDays: 30, ...keep }),
    log,
  );
  return { url, store, said, runOnce: () => retention.runOnce(signal) };
}

const idsIn = async (url: string): Promise<string[]> =>
  (await asAdministrator<{ id: string }>('select id from jobs', url)).map(({ id }) => id).sort();

describe('a job', () => {
  test('is deleted when its end is older than the setting, and not before', async () => {
    const { url, runOnce } = await start({ jobsDays: 40 });
    const younger = [...(await addJobs(url, { ageDays: 39.9 })), ...(await addJobs(url, { ageDays: 1 }))];
    for (const state of ['SUCCEEDED', 'FAILED', 'CANCELED'] as const) await addJobs(url, { ageDays: 40.1, state });
    await runOnce();
    expect(await idsIn(url)).toEqual(younger.sort());
  });

  test('ages from its end, which a late result resets', async () => {
    const { url, runOnce } = await start({ jobsDays: 20 });
    await addJobs(url, { ageDays: 400 });
    await asAdministrator(`update jobs set completed_at = now() - interval '19 days'`, url);
    await runOnce();
    expect(await countRows(url)).toMatchObject({ jobs: 1 });
  });

  test('that has not ended is kept, however old it is', async () => {
    const { url, runOnce } = await start({ jobsDays: 7 });
    const open = jobStates.filter((state) => !['SUCCEEDED', 'FAILED', 'CANCELED'].includes(state));
    const ids = (await Promise.all(open.map((state) => addJobs(url, { ageDays: 4000, state })))).flat();
    await runOnce();
    expect(await idsIn(url)).toEqual(ids.sort());
  });

  test('is kept indefinitely if no time is set', async () => {
    const { url, runOnce } = await start({ jobsDays: null });
    await addJobs(url, { ageDays: 4000 });
    await runOnce();
    expect(await countRows(url)).toMatchObject({ jobs: 1 });
  });

  test('is kept for at least 7 days, whatever the setting', async () => {
    const { url, runOnce } = await start({ jobsDays: 1 });
    const [young] = await addJobs(url, { ageDays: 6.9 });
    await addJobs(url, { ageDays: 7.1 });
    await runOnce();
    expect(await idsIn(url)).toEqual([young]);
  });

  test('is deleted with its callbacks and its timeline, and leaves its key', async () => {
    const { url, runOnce } = await start({ jobsDays: 20 });
    await addJobs(url, { count: 2, ageDays: 21, evidence: 3, key: 'old-' });
    await addJobs(url, { count: 1, ageDays: 21 });
    await addJobs(url, { count: 1, ageDays: 19, evidence: 3, key: 'young-' });
    await runOnce();
    expect(await countRows(url)).toEqual({ jobs: 1, callbacks: 3, timelines: 3, spentKeys: 2 });
    const kept = await asAdministrator(
      'select account_id, idempotency_key, input_hash from spent_keys order by 2',
      url,
    );
    expect(kept).toEqual(
      [1, 2].map((number) => ({ account_id: 'default', idempotency_key: `old-${number}`, input_hash: `v1:${number}` })),
    );
  });

  test('whose key is already spent, as after a restore, is deleted anyway and spends it again', async () => {
    const { url, runOnce } = await start({ jobsDays: 7 });
    const [id] = await addJobs(url, { ageDays: 8, key: 'key-' });
    await asAdministrator(
      `insert into spent_keys (account_id, idempotency_key, job_id, input_hash, deleted_at) values ('default', 'key-1', gen_random_uuid(), 'v1:', now() - interval '29 days')`,
      url,
    );
    await runOnce();
    const kept = await asAdministrator(
      `select job_id, input_hash, deleted_at > now() - interval '1 hour' as anew from spent_keys`,
      url,
    );
    expect(kept).toEqual([{ job_id: id, input_hash: 'v1:1', anew: true }]);
  });
});

describe('callbacks, timelines and spent keys', () => {
  test('are deleted by their own age, and the job is kept', async () => {
    const { url, runOnce } = await start({ callbacksDays: 30, timelinesDays: 10, spentKeysDays: 50 });
    await addJobs(url, { ageDays: 31, evidence: 1 });
    await addJobs(url, { ageDays: 29, evidence: 1 });
    await addJobs(url, { ageDays: 9, evidence: 1 });
    await asAdministrator(
      `insert into spent_keys (account_id, idempotency_key, job_id, input_hash, deleted_at)
       select 'default', age::text, gen_random_uuid(), 'v1:', now() - age * interval '1 day' from unnest(array[49, 51]) age`,
      url,
    );
    await runOnce();
    expect(await countRows(url)).toEqual({ jobs: 3, callbacks: 2, timelines: 1, spentKeys: 1 });
    expect(await asAdministrator('select idempotency_key from spent_keys', url)).toEqual([{ idempotency_key: '49' }]);
  });

  test('have separate settings: a timeline without one is kept as long as the job', async () => {
    const { url, runOnce } = await start({ timelinesDays: null });
    await addJobs(url, { ageDays: 4000, evidence: 1 });
    await runOnce();
    expect(await countRows(url)).toMatchObject({ jobs: 1, callbacks: 0, timelines: 1 });
  });
});

describe('a deletion round', () => {
  test('deletes up to 500 of each kind, oldest first, and is followed by the next after a second if more remain, or else after a minute', async () => {
    const { url, runOnce, said } = await start({ jobsDays: 7 });
    const young = await addJobs(url, { count: 100, ageDays: 8 });
    await addJobs(url, { count: 450, ageDays: 9 });
    expect(await runOnce()).toBe(1_000);
    const left = await idsIn(url);
    expect(left).toHaveLength(50);
    expect(left.filter((id) => !young.includes(id))).toEqual([]);
    expect(await runOnce()).toBe(MINUTE_MS);
    expect(await countRows(url)).toMatchObject({ jobs: 0 });
    expect(said).toEqual([
      { kind: 'jobs', count: 500, days: 7 },
      { kind: 'jobs', count: 50, days: 7 },
    ]);
    expect(await runOnce()).toBe(MINUTE_MS);
  });

  test('run by two instances concurrently deletes each row once', async () => {
    const { url, store } = await start();
    const other = createJobStore(openDatabase(url).connections);
    await addJobs(url, { count: 300, ageDays: 8, key: 'key-', evidence: 2 });
    const drain = async (
      instance: typeof store,
      deleteByAge: 'deleteEndedJobsByAge' | 'deleteCallbacksByAge' | 'deleteTimelinesByAge',
    ) => {
      let sum = 0;
      for (let count = 1; count > 0; sum += count) count = await instance[deleteByAge](7, 10);
      return sum;
    };
    const of = async (kind: Parameters<typeof drain>[1]) =>
      (await Promise.all([store, other, store, other].map((instance) => drain(instance, kind)))).reduce(
        (sum, count) => sum + count,
        0,
      );
    expect(await of('deleteCallbacksByAge')).toBe(600);
    expect(await of('deleteTimelinesByAge')).toBe(600);
    expect(await of('deleteEndedJobsByAge')).toBe(300);
    expect(await countRows(url)).toEqual({ jobs: 0, callbacks: 0, timelines: 0, spentKeys: 300 });
    expect(await of('deleteEndedJobsByAge')).toBe(0);
  });

  test('skips a job that another transaction has locked, without waiting', async () => {
    const { url, runOnce } = await start({ jobsDays: 7 });
    const [busy] = await addJobs(url, { ageDays: 9 });
    await addJobs(url, { count: 3, ageDays: 8 });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`begin; select from jobs where id = '${busy}' for update`);
    await runOnce();
    expect(await idsIn(url)).toEqual([busy]);
    await client.end();
    await runOnce();
    expect(await idsIn(url)).toEqual([]);
  });

  test('in which one kind cannot be deleted continues with the others', async () => {
    const { url, runOnce, said } = await start({ jobsDays: 7 }, openDatabase(await createDatabase()));
    await addJobs(url, { ageDays: 40, evidence: 1 });
    await asAdministrator('alter table callbacks rename column received_at to was_received_at', url);
    expect(await runOnce()).toBe(MINUTE_MS);
    expect(await countRows(url)).toMatchObject({ jobs: 0 });
    expect(said).toEqual([
      expect.objectContaining({ kind: 'callbacks', err: expect.any(Error) as Error }),
      { kind: 'jobs', count: 1, days: 7 },
    ]);
  });
});

test('a backlog is deleted in rounds one second apart, and then a round begins once a minute', async () => {
  // Uses its own connections, because this test has fake timers.
  const { url, runOnce } = await start({ jobsDays: 7 }, openDatabase(await createDatabase()));
  await addJobs(url, { count: 1_100, ageDays: 8 });
  let begun = 0;
  const ended: (() => void)[] = [];
  const nextEnd = () => new Promise<void>((resolve) => ended.push(resolve));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const first = nextEnd();
  const loop = startLoop(
    async () => {
      begun += 1;
      const waitMs = await runOnce();
      ended.shift()?.();
      return waitMs;
    },
    () => expect.unreachable('a round failed'),
  );
  onTestFinished(() => loop.stop());
  await first;
  for (const [waitMs, left] of [
    [1_000, 100],
    [1_000, 0],
    [MINUTE_MS, 0],
    [MINUTE_MS, 0],
  ] as const) {
    const before = begun;
    // Lets the loop notice that the round has ended.
    await new Promise(setImmediate);
    const end = nextEnd();
    await vi.advanceTimersByTimeAsync(waitMs - 1);
    expect(begun).toBe(before);
    await vi.advanceTimersByTimeAsync(1);
    expect(begun).toBe(before + 1);
    await end;
    expect(await countRows(url)).toMatchObject({ jobs: left });
  }
});

test(
  'a gateway deletes a backlog on its own, and jobs that end do not start a round',
  { timeout: 90_000 },
  async () => {
    const url = await createDatabase();
    await addJobs(url, { count: 600, ageDays: 8 });
    const rounds = countStatements('delete from "callbacks"');
    const { client } = await startGateway({ DATABASE_URL: url, KEEP_JOBS_DAYS: '7' });
    await expect.poll(async () => (await countRows(url)).jobs).toBe(0);
    const [late] = await addJobs(url, { ageDays: 8 });
    const before = rounds();
    for (let index = 0; index < 5; index += 1) await client.untilEnd((await client.generate()).id);
    expect(rounds()).toBe(before);
    expect(await idsIn(url)).toContain(late);
  },
);

test('a gateway keeps jobs indefinitely and raw callbacks for 30 days by default', async () => {
  const url = await createDatabase();
  await addJobs(url, { ageDays: 29, evidence: 1 });
  await addJobs(url, { ageDays: 4000, evidence: 1 });
  await startGateway({ DATABASE_URL: url });
  await expect.poll(async () => (await countRows(url)).callbacks).toBe(1);
  expect(await countRows(url)).toMatchObject({ jobs: 2, timelines: 2 });
});
