import { setImmediate } from 'node:timers/promises';
import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { closePool, createConnections } from '../../../src/db/connection/client.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import type { Job } from '../../../src/jobs/model/job.ts';
import type { Feed } from '../../../src/jobs/ports/feed.ts';
import type { JobReader } from '../../../src/jobs/ports/job-reader.ts';
import { createJobWatch } from '../../../src/jobs/watch/watch-job.ts';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { openSocket, subscribe, WATCH } from '../../support/socket.ts';

const BURST = 10_000;
const ACCOUNT = 'default';

/** Starts a watch over a real store; the test emits the wake-ups. */
async function startWatch() {
  const url = await createDatabase();
  const [row] = await asAdministrator<{ id: string }>(
    `insert into jobs (id, account_id, upstream_id, sandbox, image_url, video_url, mode, character_orientation, keep_original_sound, watermark, labels, input_hash)
     values (gen_random_uuid(), '${ACCOUNT}', 'test', true, 'https://a.com/a.png', 'https://a.com/a.mp4', 'STD', 'IMAGE', true, false, '[]', 'v1:') returning id`,
    url,
  );
  const connections = createConnections(url, 2, () => undefined);
  const store = createJobStore(connections);
  let reads = 0;
  const reader: JobReader = {
    find: store.find,
    list: async (...args) => {
      const jobs = await store.list(...args);
      reads += 1;
      return jobs;
    },
  };
  let emit: Parameters<Feed['subscribe']>[0] | undefined;
  const feed: Feed = { subscribe: (listener) => ((emit = listener), () => (emit = undefined)) };
  const jobWatch = createJobWatch(reader, feed, pino({ level: 'silent' }));
  onTestFinished(async () => {
    jobWatch.stop();
    await closePool(connections);
  });
  const { id } = row!;
  return {
    url,
    watch: await jobWatch.watch(ACCOUNT, id),
    wake: (version: number) => emit!(id, version, ACCOUNT),
    write: (version: number) =>
      asAdministrator(`update jobs set version = ${version}, changed_xid = pg_current_xact_id()`, url),
    reads: () => reads,
  };
}

const versionOf = ({ value }: IteratorResult<Job>): number => (value as Job).version;

describe('a burst of changes', () => {
  test('of 10,000 in one tick costs at most two reads, and the watcher gets the newest state', async () => {
    const { watch, wake, write, reads } = await startWatch();
    expect(versionOf(await watch.next())).toBe(1);
    await write(BURST);
    const next = watch.next();
    for (let version = 2; version <= BURST; version += 1) wake(version);
    expect(versionOf(await next)).toBe(BURST);
    await write(BURST + 1);
    wake(BURST + 1);
    expect(versionOf(await watch.next())).toBe(BURST + 1);
    // All wake-ups during the first read together cause one more read.
    expect(reads()).toBeLessThanOrEqual(3);
  });

  test('of 29, one after another, leaves only the newest state for a watcher that does not read', async () => {
    const { watch, wake, write, reads } = await startWatch();
    expect(versionOf(await watch.next())).toBe(1);
    for (let version = 2; version <= 30; version += 1) {
      await write(version);
      const before = reads();
      wake(version);
      await expect.poll(reads, { interval: 1 }).toBeGreaterThan(before);
      // By then, the row has been offered to the watcher.
      await setImmediate();
    }
    expect(versionOf(await watch.next())).toBe(30);
  });

  test('of 10,000 in one transaction does not crash the gateway, and its subscriber gets the newest state', async () => {
    const upstream = await startFakeUpstream();
    const gateway = await startGateway(upstream.settings);
    const { id } = await gateway.client.generate();
    await upstream.nextSubmit();
    const { send, next } = await openSocket(gateway);
    send(subscribe('1', WATCH, { id }));
    expect(await next()).toMatchObject({ payload: { data: { jobUpdated: { version: 2 } } } });
    await asAdministrator(
      `do $$ begin
         for step in 1..${BURST} loop
           update jobs set version = version + 1, changed_xid = pg_current_xact_id();
           perform pg_notify('job_changed', id || ' ' || version || ' ' || account_id) from jobs;
         end loop;
       end $$`,
      gateway.databaseUrl,
    );
    let version = 0;
    let messages = 0;
    while (version < BURST + 2) {
      ({ version } = (
        (await next()) as { payload: { data: { jobUpdated: { version: number } } } }
      ).payload.data.jobUpdated);
      messages += 1;
    }
    expect([version, messages]).toEqual([BURST + 2, 1]);
    send({ type: 'ping' });
    expect(await next()).toEqual({ type: 'pong' });
    expect(gateway.logs.filter(({ level }) => Number(level) > 40)).toEqual([]);
  });
});
