import { expect, test } from 'vitest';
import { createEventNames } from '../../../src/jobs/model/event-names.ts';
import { createListJobs, encodeCursor, updatesCursorOf } from '../../../src/jobs/read/list-jobs.ts';
import type { JobReader } from '../../../src/jobs/ports/job-reader.ts';
import { encodeCursor as encodeUpdatesCursor } from '../../../src/jobs/model/snapshot.ts';
import { createListTimeline } from '../../../src/jobs/read/list-events.ts';

const ID = '0199aaaa-0000-7000-8000-000000000000';
const base64 = (text: string) => Buffer.from(text).toString('base64url');
const listJobs = createListJobs({ list: async () => [] } as unknown as JobReader);
const names = createEventNames(['the secret of now', 'the one before']);
const listTimeline = createListTimeline(async () => [], names);
const list = (after: string) => listJobs('a', { first: 1, after, filter: {} });
const timeline = (after: string) => listTimeline('a', ID, { first: 1, after });

test('a list cursor has exactly one valid spelling', async () => {
  const createdAt = new Date(1_763_000_000_000);
  const good = encodeCursor({ createdAt, id: ID });
  expect(good).toBe(base64(`1763000000000 ${ID}`));
  await expect(list(good)).resolves.toEqual({ jobs: [], hasNextPage: false });
  for (const text of ['1763e9', '0x19a7b2c3d00', '01763000000000', '1763000000000.5', '\t1763000000000'])
    await expect(list(base64(`${text} ${ID}`)), text).rejects.toThrow('not a cursor');
  for (const cursor of [
    `${good}=`,
    `${good}\n`,
    ` ${good}`,
    base64(`1763000000000 ${ID} more`),
    base64(`1763000000000 ${ID.toUpperCase()}`),
  ])
    await expect(list(cursor), cursor).rejects.toThrow('not a cursor');
});

test('a list cursor may contain an updates cursor, and nothing else', async () => {
  const place = { createdAt: new Date(1_763_000_000_000), id: ID };
  const updates = encodeUpdatesCursor('7460000000000000000.1', { xmax: 900n, inProgress: [890n] });
  const good = encodeCursor(place, updates);
  await expect(list(good)).resolves.toEqual({ jobs: [], hasNextPage: false });
  expect([updatesCursorOf(good), updatesCursorOf(encodeCursor(place))]).toEqual([updates, null]);
  for (const other of ['', 'x', `${updates}=`, `${updates} ${updates}`, 'A'.repeat(5_000)])
    await expect(list(encodeCursor(place, other)), other).rejects.toThrow('not a cursor');
});

test('a timeline cursor has exactly one valid spelling', async () => {
  const good = names.nameOf(7);
  await expect(timeline(good)).resolves.toEqual({ events: [], hasNextPage: false });
  for (const cursor of [`${good}=`, `${good}!`, good.slice(1), `${good}A`, base64('event 7')])
    await expect(timeline(cursor), cursor).rejects.toThrow('not a cursor');
  // 22 characters have 132 bits and a block has 128, so base64 has other spellings of the same bytes.
  const others = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    .map((last) => good.slice(0, -1) + last)
    .filter((cursor) => cursor !== good);
  for (const cursor of others) await expect(timeline(cursor), cursor).rejects.toThrow('not a cursor');
});

test('the name of an event is stable and unique, hides its number, and remains valid as a cursor after the secret changes', async () => {
  const all = Array.from({ length: 1_000 }, (_, index) => names.nameOf(index + 1));
  expect(new Set(all).size).toBe(1_000);
  expect(createEventNames(['the secret of now']).nameOf(1)).toBe(all[0]);
  // Consecutive names differ in about half of their bits.
  const bits = (name: string) =>
    [...Buffer.from(name, 'base64url')].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const distances = all
    .slice(1)
    .map((name, index) => [...bits(name)].filter((bit, at) => bit !== bits(all[index]!)[at]).length);
  expect(distances.reduce((sum, distance) => sum + distance, 0) / distances.length).toBeCloseTo(64, -1);
  expect(names.find(createEventNames(['the one before']).nameOf(5))).toBe(5);
  expect(names.find(createEventNames(['a stranger']).nameOf(5))).toBeNull();
});
