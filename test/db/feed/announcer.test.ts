/** The announcer: changes reach every instance after they have committed, over connections that break. */
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import { closePool, createConnections } from '../../../src/db/connection/client.ts';
import { startFeed } from '../../../src/db/feed/feed.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { submittingJob } from '../../support/life.ts';
import { startProxy } from '../../support/proxy.ts';

const ACCOUNT = 'default';
/** Allows for an unanswered statement, which is detected after 4 s. */
const SLOW = { timeout: 10_000 };

/** Returns a statement that changes a setting for connections that are opened from now on. */
const databaseSetting = (setting: string): string =>
  `do $$ begin execute format('alter database %I set ${setting}', current_database()); end $$`;

/** Starts one instance that announces, through proxies, and another one that receives. */
async function startInstances(prepare: string | null = null) {
  const url = await createDatabase();
  if (prepare !== null) await asAdministrator(prepare, url);
  const [feedProxy, storeProxy] = [await startProxy(url), await startProxy(url)];
  const logs: string[] = [];
  const here = await startFeed(feedProxy.url, (message) => void logs.push(message));
  const there = await startFeed(url, () => undefined);
  onTestFinished(async () => void (await Promise.all([here.stop(), there.stop()])));
  const heard: string[] = [];
  there.subscribe(
    (id, version) => void heard.push(`${id} ${version}`),
    () => undefined,
  );
  const connections = createConnections(storeProxy.url, 2, () => undefined);
  onTestFinished(() => closePool(connections));
  const store = createJobStore(connections, here.announce);
  const { input } = submittingJob();
  const insert = () =>
    store
      .transaction((tx) =>
        store.insert(tx, {
          id: uuidv7(),
          accountId: ACCOUNT,
          upstreamId: 'test',
          sandbox: true,
          input,
          labels: [],
          idempotencyKey: null,
          inputHash: 'v1:',
        }),
      )
      .then((job) => job!.id);
  const announce = (id: string, version = 1) => here.announce({ id, version, accountId: ACCOUNT });
  /** Waits until a new announcement, and with it everything that was announced before, has been received. */
  const untilHeard = async (id: string) => {
    announce(id);
    await expect.poll(() => heard).toContain(`${id} 1`);
  };
  return { url, feedProxy, storeProxy, logs, here, heard, store, insert, announce, untilHeard };
}

test('a change is announced after its commit, and never if it is rolled back', async () => {
  const { store, heard, insert, untilHeard } = await startInstances();
  const id = await insert();
  await expect.poll(() => heard).toEqual([`${id} 1`]);
  await store.transaction(async (tx) => {
    await store.amend(tx, id, {});
    await untilHeard('during-the-transaction');
    expect(heard).not.toContain(`${id} 2`);
  });
  await expect.poll(() => heard).toContain(`${id} 2`);
  await store
    .transaction(async (tx) => {
      await store.amend(tx, id, {});
      throw new Error('no');
    })
    .catch(() => undefined);
  await untilHeard('after-the-rollback');
  expect(heard).not.toContain(`${id} 3`);
});

test('a change is announced even if COMMIT got no answer', async () => {
  const { store, storeProxy, heard, insert } = await startInstances();
  const id = await insert();
  const changing = store.transaction(async (tx) => {
    await store.amend(tx, id, {});
    storeProxy.silenceOpen();
  });
  await expect(changing).rejects.toMatchObject({ mayHaveCommitted: true });
  await expect.poll(() => heard).toContain(`${id} 2`);
});

test('a change is announced again if its COMMIT takes effect after it was given up', { timeout: 40_000 }, async () => {
  const { url, store, heard, insert } = await startInstances(databaseSetting('client_connection_check_interval = 0'));
  const id = await insert();
  // Deferred triggers run in COMMIT.
  await asAdministrator(
    `create function be_slow() returns trigger language plpgsql as $$ begin perform pg_sleep(4); return null; end $$;
     create constraint trigger slow after update on jobs deferrable initially deferred for each row execute function be_slow()`,
    url,
  );
  await expect(store.transaction((tx) => store.amend(tx, id, {}))).rejects.toMatchObject({ mayHaveCommitted: true });
  const isThere = async () => (await store.find(ACCOUNT, id))!.version === 2;
  expect(await isThere()).toBe(false);
  await expect.poll(isThere, SLOW).toBe(true);
  const before = heard.length;
  await expect.poll(() => heard.slice(before), SLOW).toEqual([`${id} 2`]);
});

test('of many versions of a job at once, the first and the newest are announced', async () => {
  const { heard, announce } = await startInstances();
  for (let version = 1; version <= 1_000; version += 1) announce('a', version);
  announce('a', 7);
  await expect.poll(() => heard).toEqual(['a 1', 'a 1000']);
});

test('changes that were lost with a silently broken connection are announced again', async () => {
  const { feedProxy, heard, announce, logs } = await startInstances();
  feedProxy.silenceOpen();
  announce('a');
  announce('b');
  await expect.poll(() => heard, SLOW).toEqual(['a 1', 'b 1']);
  expect(logs).toEqual(['the feed lost its connection: Query read timeout', 'the feed is listening again']);
});

test('the newest 10,000 jobs that changed while the database was unreachable are announced', async () => {
  const { feedProxy, here, heard, announce } = await startInstances();
  await feedProxy.cut();
  await expect.poll(here.isListening).toBe(false);
  for (let number = 1; number <= 10_001; number += 1) announce(`job-${number}`);
  announce('job-2', 2);
  await feedProxy.restore();
  await expect.poll(() => heard.length, SLOW).toBe(10_000);
  expect(heard).not.toContain('job-1 1');
  expect(heard.at(-1)).toBe('job-2 2');
});

test('a change that PostgreSQL rejects does not hold up others', async () => {
  const { logs, announce, untilHeard } = await startInstances();
  announce('x'.repeat(8_000));
  await untilHeard('the-next-one');
  expect(logs).toEqual(['changes could not be announced: payload string too long']);
});

test('a change that PostgreSQL cannot accept at the moment is announced again over the same connection', async () => {
  const { url, logs, heard, announce } = await startInstances(`
    alter function pg_catalog.pg_notify(text, text) rename to pg_notify_of_before;
    create function public.pg_notify(text, text) returns void language plpgsql as $$ begin raise 'no room' using errcode = 'disk_full'; end $$`);
  announce('a');
  await expect.poll(() => logs).toEqual(['changes could not be announced: no room']);
  await asAdministrator(
    'drop function public.pg_notify; alter function pg_catalog.pg_notify_of_before(text, text) rename to pg_notify',
    url,
  );
  await expect.poll(() => heard, SLOW).toEqual(['a 1']);
  expect(new Set(logs)).toEqual(new Set(['changes could not be announced: no room']));
});

test('a connection that ends during the last announcements of a stop does not fail the stop', async () => {
  const { feedProxy, here, announce } = await startInstances();
  feedProxy.silenceOpen();
  announce('a');
  const stopping = here.stop();
  feedProxy.breakOpen();
  await stopping;
});

test('a stop announces all changes that are left', async () => {
  const { here, heard, announce } = await startInstances();
  for (let number = 1; number <= 2_000; number += 1) announce(`job-${number}`);
  await here.stop();
  await expect.poll(() => heard.length).toBe(2_000);
});
