/**
 * Changes without a wake-up: watched jobs and watched accounts are read again at an interval, here on a clock that the
 * test advances.
 */
import pino from 'pino';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Job } from '../../../src/jobs/model/job.ts';
import type { Feed } from '../../../src/jobs/ports/feed.ts';
import type { JobReader } from '../../../src/jobs/ports/job-reader.ts';
import { createJobWatch } from '../../../src/jobs/watch/watch-job.ts';
import { asAdministrator } from '../../support/database.ts';
import { ACCOUNT, readOne, said, startAccountWatch } from '../../support/account-watch.ts';
import { submittingJob } from '../../support/life.ts';

/** Maximum time from a change to its push. */
const LIMIT_MS = 25_000;
/** Time reserved for the read itself. */
const READ_MS = 5_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
});

const amendInSilence = (url: string, id: string) =>
  asAdministrator(`update jobs set version = version + 1, changed_xid = pg_current_xact_id() where id = '${id}'`, url);

test('a watcher of a job receives a change within 25 s without a wake-up', async () => {
  const { url, store, feed, insert } = await startAccountWatch();
  const jobWatch = createJobWatch(store, feed, pino({ level: 'silent' }));
  onTestFinished(() => jobWatch.stop());
  const id = await insert();
  const watch = await jobWatch.watch(ACCOUNT, id);
  expect((await watch.next()).value).toMatchObject({ version: 1 });
  const next = watch.next();
  await amendInSilence(url, id);
  await vi.advanceTimersByTimeAsync(LIMIT_MS - READ_MS);
  expect((await next).value).toMatchObject({ version: 2 });
});

test('a watcher of an account receives a change within 25 s without a wake-up', async () => {
  const { url, accountWatch, insert } = await startAccountWatch();
  const id = await insert();
  const updates = await accountWatch.watch(ACCOUNT);
  const next = readOne(updates);
  await amendInSilence(url, id);
  await vi.advanceTimersByTimeAsync(LIMIT_MS - READ_MS);
  expect(said([await next])).toEqual([`${id} 2`]);
});

test('a change that arrives while a watch starts is read at once, because the watcher is registered before the row is read', async () => {
  let wake: Parameters<Feed['subscribe']>[0] = () => undefined;
  const feed: Feed = { subscribe: (listener) => ((wake = listener), () => undefined) };
  const row = (version: number) => ({ ...submittingJob(), version });
  const { id, accountId } = row(1);
  const reader: JobReader = {
    // Returns the row from just before the change; the wake-up arrives before the read returns.
    async find() {
      wake(id, 2, accountId);
      return row(1);
    },
    list: () => Promise.resolve([row(2)]),
  };
  const jobWatch = createJobWatch(reader, feed, pino({ level: 'silent' }));
  onTestFinished(() => jobWatch.stop());
  const watch = await jobWatch.watch(accountId, id);
  await expect.poll(async () => (await watch.next()).value as unknown).toMatchObject({ version: 2 });
});

/** Starts a watch on a job whose row the test controls. */
async function watchRow(first: Job, afterVersion?: number) {
  let row = first;
  let wake: Parameters<Feed['subscribe']>[0] = () => undefined;
  const feed: Feed = { subscribe: (listener) => ((wake = listener), () => undefined) };
  const reader: JobReader = { find: () => Promise.resolve(row), list: () => Promise.resolve([row]) };
  const jobWatch = createJobWatch(reader, feed, pino({ level: 'silent' }));
  onTestFinished(() => jobWatch.stop());
  const watch = await jobWatch.watch(row.accountId, row.id, afterVersion);
  return {
    watch,
    change(changes: Partial<Job>) {
      row = { ...row, ...changes };
      // Wake-ups for versions that a watcher already has are dropped. A database that continues from an older state may
      // send such a wake-up, so this one has a high version.
      wake(row.id, 1_000, row.accountId);
    },
  };
}

describe('a watch on a database that lost commits', () => {
  const running = (version: number): Job => ({ ...submittingJob(), state: 'PROCESSING', version });

  test.each([5, 4, 6])('yields the end in version %i after it has yielded version 5', async (version) => {
    const { watch, change } = await watchRow(running(5));
    expect((await watch.next()).value).toMatchObject({ state: 'PROCESSING', version: 5 });
    change({ state: 'FAILED', version });
    expect((await watch.next()).value).toMatchObject({ state: 'FAILED', version });
    expect(await watch.next()).toMatchObject({ done: true });
  });

  test('yields the end to a client that resumes from a newer version', async () => {
    const { watch } = await watchRow({ ...running(4), state: 'FAILED' }, 5);
    expect((await watch.next()).value).toMatchObject({ state: 'FAILED', version: 4 });
    expect(await watch.next()).toMatchObject({ done: true });
  });

  test('yields the end in the version from which the client resumed', async () => {
    const { watch, change } = await watchRow(running(5), 5);
    change({ state: 'FAILED', version: 5 });
    expect((await watch.next()).value).toMatchObject({ state: 'FAILED', version: 5 });
    expect(await watch.next()).toMatchObject({ done: true });
  });

  test('does not yield an older version in which the job is still open', async () => {
    const { watch, change } = await watchRow(running(5), 5);
    change({ version: 3 });
    change({ state: 'FAILED', version: 7 });
    expect((await watch.next()).value).toMatchObject({ version: 7 });
  });
});
