/** The account feed on a real database: which changes it yields, where it resumes, and what it costs. */
import { describe, expect, test } from 'vitest';
import { createAccountWatcher } from '../../../src/jobs/watch/account-watcher.ts';
import { decodeCursor, encodeCursor } from '../../../src/jobs/model/snapshot.ts';
import type { ChangeReader } from '../../../src/jobs/ports/changes.ts';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { openTransaction, read, readOne, said, startAccountWatch, startStore } from '../../support/account-watch.ts';
import { shared } from '../../support/on-end.ts';
import { startProxy } from '../../support/proxy.ts';

const quiet = () => undefined;
/** Options of an account watcher that runs without a feed. */
const quietly = { after: null, log: { info: quiet, warn: quiet, error: quiet }, onClose: quiet };

const base = shared(() => startStore());
const startOnBase = (options: Parameters<typeof startAccountWatch>[0] = {}) =>
  startAccountWatch({ base: base(), ...options });

describe('an account watcher', () => {
  test('gets new jobs and changes of its account, in commit order', async () => {
    const { account, accountWatch, insert, amend } = await startOnBase();
    const updates = await accountWatch.watch(account);
    const first = await insert();
    expect(said([await readOne(updates)])).toEqual([`${first} 1`]);
    const second = await insert();
    await amend(first);
    const more = await read(updates, 2);
    expect(said(more)).toEqual([`${second} 1`, `${first} 2`]);
  });

  test('never gets the jobs of another account, whichever cursor it starts from', async () => {
    const { account, accountWatch, insert, amend } = await startOnBase();
    const another = `not-${account}`;
    const theirs = await insert(another);
    const cursor = await accountWatch.findCursor(another);
    const all = encodeCursor(decodeCursor(cursor)!.history, { xmax: 0n, inProgress: [] });
    const [a, b, c] = [
      await accountWatch.watch(account, cursor),
      await accountWatch.watch(account, all),
      await accountWatch.watch(account),
    ];
    await amend(theirs);
    const mine = await insert();
    for (const updates of [a, b, c]) expect(said([await readOne(updates)])).toEqual([`${mine} 1`]);
  });

  test('resumes from any cursor that it received without missing an unread change', async () => {
    const { account, accountWatch, insertMany, amend } = await startOnBase({ maxUnread: 7 });
    const ids = await insertMany(20);
    const start = await accountWatch.findCursor(account);
    const updates = await accountWatch.watch(account, start);
    for (const id of ids) await amend(id);
    const cursors = [{ cursor: start, read: new Set<string>() }];
    while (cursors.at(-1)!.read.size < ids.length) {
      const { cursor, job } = await readOne(updates);
      cursors.push({ cursor, read: new Set([...cursors.at(-1)!.read, job.id]) });
    }
    for (const { cursor, read: had } of cursors) {
      const missing = ids.filter((id) => !had.has(id));
      const again = await accountWatch.watch(account, cursor);
      const got = (await read(again, missing.length)).map(({ job }) => job.id);
      await again.return!();
      // At most one change that was read is repeated, at the end of its page.
      expect(got.filter((id) => had.has(id)).length).toBeLessThanOrEqual(1);
      expect(missing.slice(0, -1).filter((id) => !got.includes(id))).toEqual([]);
    }
  });

  test('that resumes gets nothing that it has already read, and the newest version of everything else once', async () => {
    const { account, accountWatch, insert, amend } = await startOnBase();
    const ids = await Promise.all([insert(), insert(), insert()]);
    const updates = await accountWatch.watch(account);
    await amend(ids[0]);
    const { cursor } = await readOne(updates);
    await updates.return!();
    for (let times = 0; times < 5; times += 1) await amend(ids[1]);
    await amend(ids[2]);
    const again = await accountWatch.watch(account, cursor);
    expect(said(await read(again, 2))).toEqual([`${ids[1]} 6`, `${ids[2]} 2`]);
    const last = await insert();
    expect(said([await readOne(again)])).toEqual([`${last} 1`]);
  });

  test('is neither delayed nor sent duplicates because of a transaction that stays open, and gets its change when it commits', async () => {
    const { url, account, accountWatch, insert, amend } = await startOnBase();
    const [job, other, late] = await Promise.all([insert(), insert(), insert()]);
    const long = await openTransaction(url);
    await long.amend(late);
    const updates = await accountWatch.watch(account);
    let cursor = '';
    for (let version = 2; version <= 20; version += 1) {
      await amend(job);
      const update = await readOne(updates);
      expect(said([update])).toEqual([`${job} ${version}`]);
      ({ cursor } = update);
    }
    const again = await accountWatch.watch(account, cursor);
    await amend(other);
    expect(said([await readOne(again)])).toEqual([`${other} 2`]);
    await long.commit();
    expect(said([await readOne(again)])).toEqual([`${late} 2`]);
    expect(said(await read(updates, 2))).toEqual([`${other} 2`, `${late} 2`]);
  });

  test('gets a change whose transaction is older than that of the preceding change', async () => {
    const { url, account, accountWatch, insert, amend } = await startOnBase();
    const job = await insert();
    const old = await openTransaction(url);
    const [updates, away] = [await accountWatch.watch(account), await accountWatch.watch(account)];
    await amend(job);
    expect(said([await readOne(updates)])).toEqual([`${job} 2`]);
    const { cursor } = await readOne(away);
    await away.return!();
    await old.amend(job);
    await old.commit();
    expect(
      await asAdministrator<{ changed_xid: string }>(`select changed_xid::text from jobs where id = '${job}'`, url),
    ).toEqual([{ changed_xid: String(old.xid) }]);
    expect(said([await readOne(updates)])).toEqual([`${job} 3`]);
    expect(said([await readOne(await accountWatch.watch(account, cursor))])).toEqual([`${job} 3`]);
  });

  test('that reads nothing uses bounded memory, and later gets the newest version of every job', async () => {
    const { url, account, store, insertMany } = await startOnBase();
    const ids = await insertMany(30);
    const { history, snapshot } = await store.findMoment(account);
    const watcher = createAccountWatcher({
      ...quietly,
      accountId: account,
      reader: store,
      history,
      seen: () => snapshot,
      maxUnread: 10,
    });
    let most = 0;
    for (let round = 0; round < 5; round += 1) {
      await asAdministrator(
        `update jobs set version = version + 1, changed_xid = pg_current_xact_id() where account_id = '${account}'`,
        url,
      );
      const { changes } = await store.listChanges(account, snapshot, null, 500);
      watcher.offer(changes.map(({ job }) => ({ job, since: snapshot })));
      most = Math.max(most, watcher.unread());
    }
    expect(most).toBeLessThanOrEqual(10);
    expect(new Set(said(await read(watcher, 30)))).toEqual(new Set(ids.map((id) => `${id} 6`)));
    watcher.end();
  });

  test('that is offered an unread change again keeps it in its place, so that no cursor claims it was read', async () => {
    const { account, store, insert } = await startOnBase();
    const jobs = [];
    for (let count = 0; count < 3; count += 1) jobs.push((await store.find(account, await insert()))!);
    const changes = jobs.map((job, index) => ({ job, since: { xmax: BigInt(index), inProgress: [] } }));
    const watcher = createAccountWatcher({
      ...quietly,
      accountId: account,
      reader: store,
      history: 'h',
      seen: () => ({ xmax: 3n, inProgress: [] }),
      maxUnread: 10,
    });
    watcher.offer(changes);
    // A read that failed after its first page starts over.
    watcher.offer([changes[1]!]);
    const read = [await readOne(watcher), await readOne(watcher), await readOne(watcher)];
    expect(said(read)).toEqual(said(changes.map(({ job }) => ({ cursor: '', job }))));
    expect(read.map(({ cursor }) => decodeCursor(cursor)!.snapshot.xmax)).toEqual([1n, 2n, 3n]);
    watcher.end();
  });

  test('that is slow gets the newest version of every job even with a small buffer', async () => {
    const { account, accountWatch, insertMany, amend } = await startOnBase({ maxUnread: 3 });
    const ids = await insertMany(12);
    const [slow, quick] = [await accountWatch.watch(account), await accountWatch.watch(account)];
    const newest = new Map<string, number>();
    const reading = (async () => {
      for await (const { job } of quick)
        if (job.version === 6 && newest.set(job.id, job.version).size === ids.length) break;
    })();
    for (let round = 0; round < 5; round += 1) for (const id of ids) await amend(id);
    await reading;
    const seen = new Map<string, number>();
    for await (const { job } of slow) {
      seen.set(job.id, job.version);
      if ([...seen.values()].filter((version) => version === 6).length === ids.length) break;
    }
    expect(seen).toEqual(newest);
    expect(accountWatch.count()).toBe(0);
  });

  test('misses nothing when wake-ups are lost or the database is unavailable', { timeout: 90_000 }, async () => {
    const url = await createDatabase();
    const proxy = await startProxy(url);
    const direct = await startAccountWatch({ url });
    const { account, accountWatch, warnings } = await startAccountWatch({ url: proxy.url });
    const job = await direct.insert();
    const updates = await accountWatch.watch(account);
    await asAdministrator(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'motion-gateway feed' and datname = current_database();
       update jobs set version = version + 1, changed_xid = pg_current_xact_id();`,
      url,
    );
    expect(said([await readOne(updates)])).toEqual([`${job} 2`]);
    await direct.amend(job);
    const { cursor } = await readOne(updates);
    await proxy.cut();
    await direct.amend(job);
    await expect(accountWatch.watch('theirs')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await expect(accountWatch.watch(account, cursor)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    const waiting = readOne(updates);
    await proxy.restore();
    expect(said([await waiting])).toEqual([`${job} 4`]);
    expect(said([await readOne(await accountWatch.watch(account, cursor))])).toEqual([`${job} 4`]);
    expect(warnings.length).toBeLessThan(100);
  });

  test('that is closed while it waits ends at once and leaves nothing behind', async () => {
    const { account, accountWatch, insert } = await startOnBase();
    const [a, b, c] = [
      await accountWatch.watch(account),
      await accountWatch.watch(account),
      await accountWatch.watch('theirs'),
    ];
    expect(accountWatch.count()).toBe(3);
    const waiting = [a.next(), a.next()];
    await a.return!();
    expect(await Promise.all(waiting)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
    await expect(c.throw!(new Error('enough'))).rejects.toThrow('enough');
    expect(accountWatch.count()).toBe(1);
    const job = await insert();
    expect(said([await readOne(b)])).toEqual([`${job} 1`]);
    const last = b.next();
    accountWatch.stop();
    expect([await last, await b.next(), accountWatch.count()]).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
      0,
    ]);
  });

  test('can start after the first read for its account has failed', async () => {
    let fails = true;
    const around = (reader: ChangeReader): ChangeReader => ({
      ...reader,
      findMoment: (accountId) => (fails ? Promise.reject(new Error('away')) : reader.findMoment(accountId)),
    });
    const { account, accountWatch, insert } = await startOnBase({ around });
    await expect(accountWatch.watch(account)).rejects.toThrow('away');
    fails = false;
    const updates = await accountWatch.watch(account);
    const job = await insert();
    expect(said([await readOne(updates)])).toEqual([`${job} 1`]);
  });

  test('shares its reads with all other watchers of the account', async () => {
    let reads = 0;
    const around = (reader: ChangeReader): ChangeReader => ({
      findMoment: reader.findMoment,
      listChanges(...args) {
        reads += 1;
        return reader.listChanges(...args);
      },
    });
    const { account, accountWatch, insert } = await startOnBase({ around });
    const everybody = await Promise.all(Array.from({ length: 50 }, () => accountWatch.watch(account)));
    const job = await insert();
    for (const updates of everybody) expect(said([await readOne(updates)])).toEqual([`${job} 1`]);
    expect(reads).toBeLessThanOrEqual(2);
  });
});
