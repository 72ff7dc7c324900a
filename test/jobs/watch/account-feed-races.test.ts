/** The account feed at its narrow places: what happens while a read is under way, and when one fails. */
import { expect, test } from 'vitest';
import type { Snapshot } from '../../../src/jobs/model/snapshot.ts';
import type { ChangeReader } from '../../../src/jobs/ports/changes.ts';
import { ACCOUNT, readOne, said, startFollowing } from '../../support/following.ts';

/**
 * Following whose next read of changes, or the next one for somebody who has seen no more than `seen`, waits until
 * `meanwhile` is over, once it has its rows.
 */
async function startInterruptible(url?: string) {
  let meanwhile = async (): Promise<void> => undefined;
  let mostSeen: Snapshot | null = null;
  const around = (reader: ChangeReader): ChangeReader => ({
    findMoment: reader.findMoment,
    async listChanges(...args) {
      const page = await reader.listChanges(...args);
      if (mostSeen !== null && args[1].xmax > mostSeen.xmax) return page;
      const interruption = meanwhile;
      meanwhile = async () => undefined;
      await interruption();
      return page;
    },
  });
  return {
    ...(await startFollowing({ around, ...(url !== undefined && { url }) })),
    duringNextRead: (interruption: () => Promise<void>, seen: Snapshot | null = null) =>
      void ([meanwhile, mostSeen] = [interruption, seen]),
  };
}

test('a change that comes while a follower catches up reaches it', { timeout: 90_000 }, async () => {
  const { following, store, insert, amend, duringNextRead } = await startInterruptible();
  const [before, during] = [await insert(), await insert()];
  const { snapshot } = await store.findMoment(ACCOUNT);
  const cursor = await following.findCursor(ACCOUNT);
  const other = await following.follow(ACCOUNT);
  await amend(before);
  expect(said([await readOne(other)])).toEqual([`${before} 2`]);
  duringNextRead(async () => {
    await amend(during);
    // The tail has read it, and offered it to whoever was registered.
    expect(said([await readOne(other)])).toEqual([`${during} 2`]);
    // Of the one who catches up: the tail, which may read once more for the change before, has to read on meanwhile.
  }, snapshot);
  const updates = await following.follow(ACCOUNT, cursor);
  expect(said([await readOne(updates), await readOne(updates)])).toEqual([`${before} 2`, `${during} 2`]);
});

test('a wake-up during a read causes another read', { timeout: 90_000 }, async () => {
  const { feed, following, insert, duringNextRead } = await startInterruptible();
  const updates = await following.follow(ACCOUNT);
  const inserted: string[] = [];
  duringNextRead(async () => {
    const woken = new Promise<void>((resolve) => {
      const unsubscribe = feed.subscribe(
        () => {
          unsubscribe();
          resolve();
        },
        () => undefined,
      );
    });
    inserted.push(await insert());
    await woken;
  });
  inserted.unshift(await insert());
  expect(said([await readOne(updates), await readOne(updates)])).toEqual(inserted.map((id) => `${id} 1`));
});

test(
  'a read that fails is repeated without another wake-up, of the tail and of one who catches up',
  { timeout: 90_000 },
  async () => {
    const fail = () => Promise.reject(new Error('the connection is gone'));
    const first = await startInterruptible();
    const cursor = await first.following.findCursor(ACCOUNT);
    const updates = await first.following.follow(ACCOUNT);
    first.duringNextRead(fail);
    const job = await first.insert();
    expect(said([await readOne(updates)])).toEqual([`${job} 1`]);
    expect(first.warnings).toEqual(['changes of a followed account could not be read; they are read again']);

    // Two pages, of which the reader asks for the second.
    const jobs = new Set([job, ...(await first.insertMany(200))]);
    const second = await startInterruptible(first.url);
    const away = await second.following.follow(ACCOUNT, cursor);
    second.duringNextRead(fail);
    while (jobs.size > 0) jobs.delete((await readOne(away)).job.id);
    expect(second.warnings).toEqual(['changes could not be read; they are read again']);
    await first.amend(job);
    expect(said([await readOne(away)])).toEqual([`${job} 2`]);
  },
);
