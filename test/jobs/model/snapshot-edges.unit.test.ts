import { expect, test } from 'vitest';
import { cut, decodeCursor, encodeCursor, extend, sees } from '../../../src/jobs/model/snapshot.ts';

test('a snapshot sees the transactions below its end that were not in progress', () => {
  const snapshot = { xmax: 10n, inProgress: [4n, 7n] };
  expect([3n, 4n, 5n, 7n, 9n, 10n, 11n].filter((xid) => sees(snapshot, xid))).toEqual([3n, 5n, 9n]);
});

test('a snapshot that is cut at or beyond its end does not change', () => {
  const snapshot = { xmax: 10n, inProgress: [4n, 7n] };
  expect(cut(snapshot, 10n)).toEqual(snapshot);
  expect(cut(snapshot, 11n)).toEqual(snapshot);
  expect(cut(snapshot, 9n)).toEqual({ xmax: 9n, inProgress: [4n, 7n] });
  expect(cut(snapshot, 7n)).toEqual({ xmax: 7n, inProgress: [4n] });
});

test('a snapshot extended up to its end adds transactions committed since; extended beyond it, it equals the later snapshot cut at that point', () => {
  const before = { xmax: 10n, inProgress: [4n, 7n, 8n] };
  const later = { xmax: 20n, inProgress: [7n, 15n] };
  expect(extend(before, later, 5n)).toEqual({ xmax: 10n, inProgress: [7n, 8n] });
  expect(extend(before, later, 10n)).toEqual({ xmax: 10n, inProgress: [7n] });
  expect(extend(before, later, 11n)).toEqual({ xmax: 11n, inProgress: [7n] });
  expect(extend(before, later, 16n)).toEqual({ xmax: 16n, inProgress: [7n, 15n] });
});

test('a cursor with the largest transaction id and 100 transactions in progress is accepted, and one beyond either limit is not', () => {
  const snapshot = { xmax: 2n ** 64n - 1n, inProgress: Array.from({ length: 100 }, (_, index) => BigInt(index)) };
  expect(decodeCursor(encodeCursor('h', snapshot))).toEqual({ history: 'h', snapshot });
  const base64 = (text: string) => Buffer.from(text).toString('base64url');
  expect(decodeCursor(base64(`1 h ${2n ** 64n} `))).toBeNull();
  const distances = (count: number) => Array.from({ length: count }, (_, index) => count - index).join();
  expect(decodeCursor(base64(`1 h 200 ${distances(100)}`))).not.toBeNull();
  expect(decodeCursor(base64(`1 h 200 ${distances(101)}`))).toBeNull();
});

test('a cursor of 4,096 characters is accepted, and a longer one is not', () => {
  const ofLength = (length: number) => encodeCursor('h'.repeat(length), { xmax: 7n, inProgress: [] });
  expect(ofLength(3_067)).toHaveLength(4_096);
  expect(decodeCursor(ofLength(3_067))).toMatchObject({ snapshot: { xmax: 7n } });
  expect(decodeCursor(ofLength(3_068))).toBeNull();
});
