/** Pages of changes from a reader whose results the test supplies. */
import { describe, expect, test } from 'vitest';
import { createDelta } from '../../../src/jobs/watch/change-pages.ts';
import type { ChangePosition, Snapshot } from '../../../src/jobs/model/snapshot.ts';
import type { ChangeReader } from '../../../src/jobs/ports/changes.ts';
import { submittingJob } from '../../support/life.ts';

const FIRST_PAGE = 20;
const PAGE = 200;
const at = (xmax: bigint, ...inProgress: bigint[]): Snapshot => ({ xmax, inProgress });
const changesOf = (...xids: bigint[]) =>
  xids.map((xid, index) => ({ xid, job: { ...submittingJob(), id: `job-${xid}-${index}` } }));
const many = (count: number, xid: bigint) => changesOf(...Array.from({ length: count }, () => xid));

function readerOf(...pages: { snapshot: Snapshot; changes: ReturnType<typeof changesOf>; history?: string }[]) {
  const asked: { seen: Snapshot; after: ChangePosition | null; limit: number; accountId: string }[] = [];
  const reader: ChangeReader = {
    findMoment: () => expect.unreachable(),
    async listChanges(accountId, seen, after, limit) {
      asked.push({ accountId, seen, after, limit });
      return { history: 'h', ...pages[asked.length - 1]! };
    },
  };
  return { asked, reader };
}

test('a short page is the last one, and everything up to its newest change then counts as seen', async () => {
  const before = at(10n, 4n);
  const { asked, reader } = readerOf({ snapshot: at(20n, 15n), changes: changesOf(4n, 12n, 17n) });
  const delta = createDelta(reader, 'acme', 'h', before);
  expect(delta.seen()).toEqual(at(10n, 4n));
  const { changes, isLast } = await delta.nextPage();
  expect(isLast).toBe(true);
  expect(asked).toEqual([{ accountId: 'acme', seen: before, after: null, limit: FIRST_PAGE }]);
  expect(changes.map(({ job, since }) => [job.id, since])).toEqual([
    ['job-4-0', at(10n, 4n)],
    ['job-12-1', at(12n)],
    ['job-17-2', at(17n, 15n)],
  ]);
  expect(delta.seen()).toEqual(at(18n, 15n));
});

test('an empty page is the last one and does not advance the end of the snapshot', async () => {
  const { reader } = readerOf({ snapshot: at(20n), changes: [] });
  const delta = createDelta(reader, 'acme', 'h', at(10n, 4n));
  expect(await delta.nextPage()).toEqual({ changes: [], isLast: true });
  expect(delta.seen()).toEqual(at(10n));
});

test('a full page is followed by the page after its last change, which is evaluated against the first snapshot', async () => {
  const { asked, reader } = readerOf(
    { snapshot: at(20n, 18n), changes: many(FIRST_PAGE, 12n) },
    { snapshot: at(30n), changes: changesOf(13n, 18n, 25n) },
  );
  const delta = createDelta(reader, 'acme', 'h', at(10n));
  expect((await delta.nextPage()).isLast).toBe(false);
  expect(delta.seen()).toEqual(at(13n));
  const page = await delta.nextPage();
  expect(asked[1]).toEqual({ accountId: 'acme', seen: at(10n), after: { xid: 12n, jobId: 'job-12-19' }, limit: PAGE });
  expect(page.isLast).toBe(true);
  expect(page.changes[2]!.since).toEqual(at(20n, 18n));
  // The first snapshot does not see 18 and 25, so the end does not move past them.
  expect(delta.seen()).toEqual(at(14n));
});

test('a full page that reaches the end of the first snapshot is the last one', async () => {
  const ends = (xid: bigint) =>
    createDelta(
      readerOf({ snapshot: at(20n), changes: [...many(FIRST_PAGE - 1, 12n), ...changesOf(xid)] }).reader,
      'acme',
      'h',
      at(10n),
    ).nextPage();
  expect((await ends(19n)).isLast).toBe(false);
  expect((await ends(20n)).isLast).toBe(true);
  expect((await ends(21n)).isLast).toBe(true);
});

test('pages after the first hold ten times as many changes', async () => {
  const { reader } = readerOf(
    { snapshot: at(20n), changes: many(FIRST_PAGE, 12n) },
    { snapshot: at(20n), changes: many(PAGE - 1, 13n) },
  );
  const delta = createDelta(reader, 'acme', 'h', at(10n));
  expect((await delta.nextPage()).isLast).toBe(false);
  expect((await delta.nextPage()).isLast).toBe(true);
  const full = createDelta(
    readerOf({ snapshot: at(20n), changes: many(FIRST_PAGE, 12n) }, { snapshot: at(20n), changes: many(PAGE, 13n) })
      .reader,
    'acme',
    'h',
    at(10n),
  );
  await full.nextPage();
  expect((await full.nextPage()).isLast).toBe(false);
});

describe('a cursor for a database', () => {
  test.each<[string, { snapshot: Snapshot; history?: string }]>([
    ['of another history', { snapshot: at(20n), history: 'another' }],
    ['in an older state', { snapshot: at(9n) }],
  ])('%s is rejected on the first page', async (_how, page) => {
    await expect(
      createDelta(readerOf({ ...page, changes: [] }).reader, 'acme', 'h', at(10n)).nextPage(),
    ).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
  });

  test('that returns to an older state between two pages is rejected on the later page', async () => {
    const delta = createDelta(
      readerOf({ snapshot: at(20n), changes: many(FIRST_PAGE, 12n) }, { snapshot: at(19n), changes: [] }).reader,
      'acme',
      'h',
      at(10n),
    );
    await delta.nextPage();
    await expect(delta.nextPage()).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
  });

  test('that has progressed exactly as far as the cursor is accepted', async () => {
    await expect(
      createDelta(readerOf({ snapshot: at(10n), changes: [] }).reader, 'acme', 'h', at(10n)).nextPage(),
    ).resolves.toEqual({ changes: [], isLast: true });
  });
});
