/** Changes of which no wake-up tells: what is watched is read again by itself, here by a clock that the test moves. */
import pino from 'pino';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Feed, JobReader } from '../src/jobs/ports.ts';
import { createWatching } from '../src/jobs/watch.ts';
import { asAdministrator } from './support/database.ts';
import { ACCOUNT, readOne, said, startFollowing } from './support/following.ts';
import { submittingJob } from './support/life.ts';

/** From the change to its push, whatever happens. */
const LIMIT_MS = 25_000;
/** For the reading itself. */
const READ_MS = 5_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
});

const amendInSilence = (url: string, id: string) => asAdministrator(`update jobs set version = version + 1, changed_xid = pg_current_xact_id() where id = '${id}'`, url);

test('a watcher of a job is told within 25 s', async () => {
  const { url, store, feed, insert } = await startFollowing();
  const watching = createWatching(store, feed, pino({ level: 'silent' }));
  onTestFinished(() => watching.stop());
  const id = await insert();
  const watch = await watching.watch(ACCOUNT, id);
  expect((await watch.next()).value).toMatchObject({ version: 1 });
  const next = watch.next();
  await amendInSilence(url, id);
  await vi.advanceTimersByTimeAsync(LIMIT_MS - READ_MS);
  expect((await next).value).toMatchObject({ version: 2 });
});

test('a follower of an account is told within 25 s', async () => {
  const { url, following, insert } = await startFollowing();
  const id = await insert();
  const updates = await following.follow(ACCOUNT);
  const next = readOne(updates);
  await amendInSilence(url, id);
  await vi.advanceTimersByTimeAsync(LIMIT_MS - READ_MS);
  expect(said([await next])).toEqual([`${id} 2`]);
});

test('a change that comes while a watch begins is read at once: whoever watches is registered before the row is read', async () => {
  let wake: Parameters<Feed['subscribe']>[0] = () => undefined;
  const feed: Feed = { subscribe: (listener) => ((wake = listener), () => undefined) };
  const row = (version: number) => ({ ...submittingJob(), version });
  const { id, accountId } = row(1);
  const reader: JobReader = {
    // The row as it was a moment before the change, and its wake-up before the row has come back.
    async find() {
      wake(id, 2, accountId);
      return row(1);
    },
    list: () => Promise.resolve([row(2)]),
  };
  const watching = createWatching(reader, feed, pino({ level: 'silent' }));
  onTestFinished(() => watching.stop());
  const watch = await watching.watch(accountId, id);
  await expect.poll(async () => (await watch.next()).value as unknown).toMatchObject({ version: 2 });
});
