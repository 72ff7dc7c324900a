import { describe, expect, test } from 'vitest';
import { createListJobs, encodeCursor, toJobId, withUpdatesCursor } from '../../../src/jobs/read/list-jobs.ts';
import type { JobFilter, JobReader } from '../../../src/jobs/ports/job-reader.ts';
import { encodeCursor as encodeUpdatesCursor } from '../../../src/jobs/model/snapshot.ts';
import { submittingJob } from '../../support/life.ts';

const ID = '0199aaaa-0000-7000-8000-00000000000a';
const createdAt = new Date('2026-03-01T00:00:00.001Z');

function open(stored = 0) {
  const asked: unknown[][] = [];
  const jobs = Array.from({ length: stored }, (_, index) => ({ ...submittingJob(), id: `${index}` }));
  const reader: JobReader = {
    find: () => expect.unreachable(),
    async list(...args) {
      asked.push(args);
      return jobs.slice(0, args[3]);
    },
  };
  const list = createListJobs(reader);
  return {
    asked,
    list: (filter: JobFilter = {}, first = 2, after: string | null = null) => list('acme', { first, after, filter }),
  };
}

test('the updates cursor is taken before the first page is read, and repeated on the other pages', async () => {
  const { asked, list } = open(1);
  const jobs = withUpdatesCursor(
    (_accountId, { first, after, filter }) => list(filter, first, after),
    async () => encodeUpdatesCursor(`lists-${asked.length}`, { xmax: 1n, inProgress: [] }),
  );
  const { updatesCursor } = await jobs('acme', { first: 1, filter: {} });
  expect(updatesCursor).toBe(encodeUpdatesCursor('lists-0', { xmax: 1n, inProgress: [] }));
  const after = encodeCursor({ createdAt, id: ID }, updatesCursor);
  expect(await jobs('acme', { first: 1, after, filter: {} })).toMatchObject({ updatesCursor });
});

describe('a page', () => {
  test('is read with one more job than requested, which shows whether there is another page', async () => {
    for (const [stored, hasNextPage, ids] of [
      [1, false, ['0']],
      [2, false, ['0', '1']],
      [3, true, ['0', '1']],
    ] as const) {
      const { asked, list } = open(stored);
      const page = await list();
      expect([page.jobs.map(({ id }) => id), page.hasNextPage]).toEqual([ids, hasNextPage]);
      expect(asked).toEqual([['acme', {}, null, 3]]);
    }
  });

  test('has a size of 1 to 100 jobs', async () => {
    const { asked, list } = open();
    for (const first of [0, -1, 101])
      await expect(list({}, first)).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: '"first" must be between 1 and 100.',
      });
    expect(asked).toEqual([]);
    for (const first of [1, 100]) await list({}, first);
    expect(asked.map(([, , , limit]) => limit)).toEqual([2, 101]);
  });

  test('begins after its cursor', async () => {
    const { asked, list } = open();
    await list({}, 2, encodeCursor({ createdAt, id: ID }));
    await list({}, 2, '');
    expect(asked.map(([, , after]) => after)).toEqual([{ createdAt, id: ID }, null]);
    const base64 = (text: string) => Buffer.from(text).toString('base64url');
    for (const bad of [
      'x',
      base64(' '),
      base64(` ${ID}`),
      base64(`${createdAt.getTime()}`),
      base64(`${createdAt.getTime()} x`),
      base64(`-62135596800001 ${ID}`),
      base64(`253402300800000 ${ID}`),
    ]) {
      await expect(list({}, 2, bad)).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: '"after" is not a cursor of this list.',
      });
    }
    await list({}, 2, base64(`253402300799999 ${ID}`));
    await list({}, 2, base64(`-62135596800000 ${ID}`));
  });
});

describe('a filter', () => {
  test('with an empty list or without a valid id finds nothing, without a read', async () => {
    const { asked, list } = open(3);
    for (const filter of [{ ids: [] }, { states: [] }, { modes: [] }, { ids: ['no id', 'x'] }])
      expect(await list(filter)).toEqual({ jobs: [], hasNextPage: false });
    expect(asked).toEqual([]);
  });

  test('is passed on with ids in canonical spelling and without invalid ids', async () => {
    const { asked, list } = open();
    const filter = {
      states: ['QUEUED'],
      modes: ['STD'],
      labels: [{ key: 'k', value: 'v' }],
      createdAfter: createdAt,
      createdBefore: new Date('9999-12-31T23:59:59.999Z'),
    } as const;
    await list({ ...filter, ids: [ID.toUpperCase(), 'no id'] });
    await list({ labels: [] });
    expect(asked.map(([, passed]) => passed)).toEqual([{ ...filter, ids: [ID] }, { labels: [] }]);
  });

  test.each<[JobFilter, string]>([
    [{ ids: Array.from({ length: 101 }, () => ID) }, '"ids" must have at most 100 entries.'],
    [
      { labels: Array.from({ length: 17 }, () => ({ key: 'k', value: 'v' })) },
      '"labels" must have at most 16 entries.',
    ],
    [
      {
        labels: [
          { key: 'k', value: 'v' },
          { key: 'a\0', value: 'v' },
        ],
      },
      '"labels" must be well-formed Unicode text without NUL characters.',
    ],
    [
      {
        labels: [
          { key: 'k', value: '\ud800' },
          { key: 'k', value: 'v' },
        ],
      },
      '"labels" must be well-formed Unicode text without NUL characters.',
    ],
    [{ createdAfter: new Date('0000-12-31T23:59:59.999Z') }, 'Times must be in the years 1 to 9999.'],
    [{ createdBefore: new Date('+010000-01-01T00:00:00Z') }, 'Times must be in the years 1 to 9999.'],
  ])('beyond a limit is rejected: %#', async (filter, message) => {
    const { asked, list } = open();
    await expect(list(filter)).rejects.toMatchObject({ code: 'BAD_USER_INPUT', message });
    expect(asked).toEqual([]);
  });

  test('at a limit is accepted', async () => {
    const { asked, list } = open();
    await list({
      ids: Array.from({ length: 100 }, () => ID),
      labels: Array.from({ length: 16 }, () => ({ key: 'k', value: 'v' })),
      createdAfter: new Date('0001-01-01T00:00:00Z'),
      createdBefore: new Date('9999-12-31T23:59:59.999Z'),
    });
    expect(asked).toHaveLength(1);
  });
});

test('a job id consists of 32 hexadecimal digits in five groups, and is converted to lower case', () => {
  expect(toJobId(ID)).toBe(ID);
  expect(toJobId(ID.toUpperCase())).toBe(ID);
  for (const text of ['', 'x', ` ${ID}`, `${ID} `, `${ID}0`, `0${ID}`, ID.replaceAll('-', ''), ID.replace('a', 'g')])
    expect(toJobId(text), text).toBeNull();
});
