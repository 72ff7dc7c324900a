/** Races in the account feed: changes that arrive during a read, and reads that fail. */
import { expect, test } from 'vitest';
import type { Snapshot } from '../../../src/jobs/model/snapshot.ts';
import type { ChangeReader } from '../../../src/jobs/ports/changes.ts';
import { ACCOUNT, readOne, said, startAccountWatch } from '../../support/account-watch.ts';

/**
 * Starts an account feed whose next read of changes can be interrupted: once it has its rows, it waits until the
 * interruption completes. With `seen`, this applies to the next read for a reader that has seen no more than `seen`.
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
    ...(await startAccountWatch({ around, ...(url !== undefined && { url }) })),
    duringNextRead: (interruption: () => Promise<void>, seen: Snapshot | null = null) =>
      void ([meanwhile, mostSeen] = [interruption, seen]),
  };
}

test('a change that arrives while a watcher catches up reaches that watcher', { timeout: 90_000 }, async () => {
  const { accountWatch, store, insert, amend, duringNextRead } = await startInterruptible();
  const [before, during] = [await insert(), await insert()];
  const { snapshot } = await store.findMoment(ACCOUNT);
  const cursor = await accountWatch.findCursor(ACCOUNT);
  const other = await accountWatch.watch(ACCOUNT);
  await amend(before);
  expect(said([await readOne(other)])).toEqual([`${before} 2`]);
  duringNextRead(async () => {
    await amend(during);
    // The tail has read it and offered it to all registered watchers.
    expect(said([await readOne(other)])).toEqual([`${during} 2`]);
    // Interrupts only the read of the watcher that catches up. The tail, which may read once more for the earlier
    // change, must be able to continue in the meantime.
  }, snapshot);
  const updates = await accountWatch.watch(ACCOUNT, cursor);
  expect(said([await readOne(updates), await readOne(updates)])).toEqual([`${before} 2`, `${during} 2`]);
});

test('a wake-up during a read causes another read', { timeout: 90_000 }, async () => {
  const { feed, accountWatch, insert, duringNextRead } = await startInterruptible();
  const updates = await accountWatch.watch(ACCOUNT);
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
  'a failed read is retried without another wake-up, both by the tail and by a watcher that catches up',
  { timeout: 90_000 },
  async () => {
    const fail = () => Promise.reject(new Error('the connection is gone'));
    const first = await startInterruptible();
    const cursor = await first.accountWatch.findCursor(ACCOUNT);
    const updates = await first.accountWatch.watch(ACCOUNT);
    first.duringNextRead(fail);
    const job = await first.insert();
    expect(said([await readOne(updates)])).toEqual([`${job} 1`]);
    expect(first.warnings).toEqual(['changes of a watched account could not be read; retrying']);

    // Two pages: the second is read, and fails, when the reader asks for it.
    const jobs = new Set([job, ...(await first.insertMany(200))]);
    const second = await startInterruptible(first.url);
    const away = await second.accountWatch.watch(ACCOUNT, cursor);
    second.duringNextRead(fail);
    while (jobs.size > 0) jobs.delete((await readOne(away)).job.id);
    expect(second.warnings).toEqual(['changes could not be read; retrying']);
    await first.amend(job);
    expect(said([await readOne(away)])).toEqual([`${job} 2`]);
  },
);
