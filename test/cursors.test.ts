import { expect, test } from 'vitest';
import { createListJobs, encodeCursor } from '../src/jobs/list.ts';
import type { JobReader } from '../src/jobs/ports.ts';
import { createListTimeline, encodeEventCursor } from '../src/jobs/timeline.ts';

const ID = '0199aaaa-0000-7000-8000-000000000000';
const base64 = (text: string) => Buffer.from(text).toString('base64url');
const listJobs = createListJobs({ list: async () => [] } as unknown as JobReader);
const listTimeline = createListTimeline(async () => []);
const list = (after: string) => listJobs('a', { first: 1, after, filter: {} });
const timeline = (after: string) => listTimeline('a', ID, { first: 1, after });

test('a cursor of a list has one spelling', async () => {
  const createdAt = new Date(1_763_000_000_000);
  const good = encodeCursor({ createdAt, id: ID });
  expect(good).toBe(base64(`1763000000000 ${ID}`));
  await expect(list(good)).resolves.toEqual({ jobs: [], hasNextPage: false });
  for (const text of ['1763e9', '0x19a7b2c3d00', '01763000000000', '1763000000000.5', '\t1763000000000']) await expect(list(base64(`${text} ${ID}`)), text).rejects.toThrow('not a cursor');
  for (const cursor of [`${good}=`, `${good}\n`, ` ${good}`, base64(`1763000000000 ${ID} more`), base64(`1763000000000 ${ID.toUpperCase()}`)]) await expect(list(cursor), cursor).rejects.toThrow('not a cursor');
});

test('a cursor of a timeline has one spelling', async () => {
  const good = encodeEventCursor({ id: 7 });
  await expect(timeline(good)).resolves.toEqual({ events: [], hasNextPage: false });
  for (const cursor of [`${good}=`, `${good}!`, base64('event 07'), base64('event 7 '), base64('event -7')]) await expect(timeline(cursor), cursor).rejects.toThrow('not a cursor');
});
