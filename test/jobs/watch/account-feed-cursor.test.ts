/** The cursors of the account feed: which ones are rejected, and what they claim to have seen. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../../src/db/connection/client.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import { createDelta } from '../../../src/jobs/watch/change-pages.ts';
import { decodeCursor, encodeCursor } from '../../../src/jobs/model/snapshot.ts';
import type { ChangeReader } from '../../../src/jobs/ports/changes.ts';
import { asAdministrator } from '../../support/database.ts';
import { ACCOUNT, openTransaction, readOne, said, startAccountWatch, startStore } from '../../support/account-watch.ts';
import { shared } from '../../support/on-end.ts';

const base = shared(() => startStore());

describe('a cursor', () => {
  test('is rejected if it is malformed, belongs to another database, or is newer than a restored backup', async () => {
    const [here, elsewhere] = [await startAccountWatch({ base: base() }), await startAccountWatch()];
    await here.insert();
    const { history, snapshot } = decodeCursor(await here.accountWatch.findCursor(here.account))!;
    const [server, timeline, ...table] = history.split('.');
    const bad = [
      'rubbish',
      '',
      await elsewhere.accountWatch.findCursor(elsewhere.account),
      encodeCursor(history, { xmax: snapshot.xmax + 1_000_000n, inProgress: [] }),
      encodeCursor(['1', timeline, ...table].join('.'), snapshot),
      encodeCursor([server, '00000002', ...table].join('.'), snapshot),
    ];
    for (const cursor of bad)
      await expect(here.accountWatch.watch(here.account, cursor)).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
    expect(here.accountWatch.count()).toBe(0);
    await expect(here.accountWatch.watch(here.account, encodeCursor(history, snapshot))).resolves.toBeDefined();
  });

  test.each(['another history', 'an older state'])(
    'is also rejected if the database changes to %s under an active watcher',
    async (what) => {
      let isRestored = false;
      const restored = <T extends { history: string; snapshot: object }>(moment: T): T =>
        !isRestored
          ? moment
          : what === 'an older state'
            ? { ...moment, snapshot: { xmax: 3n, inProgress: [] } }
            : { ...moment, history: 'another' };
      const around = (reader: ChangeReader): ChangeReader => ({
        findMoment: async (accountId) => restored(await reader.findMoment(accountId)),
        listChanges: async (...args) => restored(await reader.listChanges(...args)),
      });
      const { account, accountWatch, insert } = await startAccountWatch({ base: base(), around });
      await insert();
      const [a, b] = [await accountWatch.watch(account), await accountWatch.watch(account)];
      isRestored = true;
      const waiting = expect(a.next()).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
      await insert();
      await waiting;
      await expect(b.next()).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
      expect([await a.next(), await b.next(), accountWatch.count()]).toEqual([
        { value: undefined, done: true },
        { value: undefined, done: true },
        0,
      ]);
    },
  );

  test('claims nothing beyond the last change, because a crash of the database may lose later transactions and reassign their ids', async () => {
    const { url, account, accountWatch, insert } = await startAccountWatch({ base: base() });
    const job = await insert();
    const before = decodeCursor(await accountWatch.findCursor(account))!.snapshot.xmax;
    const begun = await openTransaction(url);
    await asAdministrator('select pg_current_xact_id()', url);
    const updates = await accountWatch.watch(account);
    expect(decodeCursor(await accountWatch.findCursor(account))!.snapshot.xmax).toBe(before);
    expect(before).toBeLessThanOrEqual(begun.xid);
    const change = await openTransaction(url);
    await asAdministrator('select pg_current_xact_id()', url);
    await change.amend(job);
    await change.commit();
    const { snapshot } = decodeCursor((await readOne(updates)).cursor)!;
    expect(snapshot.xmax).toBe(change.xid + 1n);
    expect(snapshot.inProgress).toContain(begun.xid);
  });

  test('works for a role without permission to read the identity of the server', async () => {
    const { url, insert } = await startAccountWatch();
    await insert();
    const role = `weak_${new URL(url).pathname.slice(1)}`;
    await asAdministrator(
      `create role ${role} login password 'weak'; grant select on jobs to ${role}; revoke execute on function pg_control_system() from public`,
      url,
    );
    onTestFinished(async () => void (await asAdministrator(`drop owned by ${role}; drop role ${role}`, url)));
    const weak = Object.assign(new URL(url), { username: role, password: 'weak' }).href;
    const connections = createConnections(weak, 2, () => undefined);
    const store = createJobStore(connections);
    const strong = await startAccountWatch({ url });
    const told = decodeCursor(await strong.accountWatch.findCursor(ACCOUNT))!.history.split('.');
    const moments = await Promise.all([store.findMoment(ACCOUNT), store.findMoment(ACCOUNT)]);
    for (const { history } of moments) expect(history.split('.')).toEqual(['-', ...told.slice(1)]);
    await asAdministrator('revoke execute on function pg_walfile_name(pg_lsn) from public', url);
    expect((await store.listChanges(ACCOUNT, { xmax: 0n, inProgress: [] }, null, 10)).history.split('.')).toEqual([
      '-',
      '-',
      ...told.slice(2),
    ]);
    await connections.pool.end();
  });

  test.each([21, 220, 221])(
    'from just before one transaction that changed %i jobs reads each of them once, in as many pages as necessary',
    async (count) => {
      const { url, account, store, insertMany } = await startAccountWatch({ base: base() });
      const before = await insertMany(3);
      const ids = await insertMany(count);
      const [changed] = await asAdministrator<{ xid: string }>(
        `select distinct changed_xid::text as xid from jobs where id = '${ids[0]}'`,
        url,
      );
      // The snapshot of a reader from just before this transaction, which is the next one.
      const seen = { xmax: BigInt(changed!.xid), inProgress: [] };
      const { history } = await store.findMoment(account);
      const delta = createDelta(store, account, history, seen);
      const found: string[] = [];
      const sizes: number[] = [];
      for (let isLast = false; !isLast && sizes.length < 5;) {
        const page = await delta.nextPage();
        sizes.push(page.changes.length);
        found.push(...page.changes.map(({ job }) => job.id));
        ({ isLast } = page);
      }
      expect(sizes).toEqual({ 21: [20, 1], 220: [20, 200, 0], 221: [20, 200, 1] }[count]);
      expect(found).toEqual([...ids].sort());
      expect(found).not.toContain(before[0]);
      // Compares only `xmax`: transactions of other databases on the same server may be in progress.
      expect(delta.seen().xmax).toBe(seen.xmax + 1n);
    },
  );

  test('tolerates rows that a dump restored with transaction ids from the future, and yields them once they change', async () => {
    const { url, accountWatch, insert, amend } = await startAccountWatch();
    const [foreign, other] = [await insert(), await insert()];
    await asAdministrator(`update jobs set changed_xid = '18000000000000000000' where id = '${foreign}'`, url);
    const updates = await accountWatch.watch(ACCOUNT, await accountWatch.findCursor(ACCOUNT));
    await amend(other);
    expect(said([await readOne(updates)])).toEqual([`${other} 2`]);
    await amend(foreign);
    expect(said([await readOne(updates)])).toEqual([`${foreign} 2`]);
  });
});
