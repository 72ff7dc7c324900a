import { expect, test } from 'vitest';
import { createLimiter } from '../../src/concurrency/limiter.ts';

test('a limiter runs calls up to its limit at once and the others in order, and continues after an error', async () => {
  const inTurn = createLimiter(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const read = (number: number) =>
    inTurn(async () => {
      begun.push(number);
      await new Promise<void>(
        (resolve, reject) => (ends[number] = number === 1 ? () => reject(new Error('no')) : resolve),
      );
      return number;
    });
  const reads = [0, 1, 2, 3].map(read);
  const failing = expect(reads[1]).rejects.toThrow('no');
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1]);
  ends[1]!();
  await failing;
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1, 2]);
  ends[0]!();
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1, 2, 3]);
  ends[2]!();
  ends[3]!();
  expect(await Promise.all([reads[0], reads[2], reads[3]])).toEqual([0, 2, 3]);
  // Once all have ended, two can run again, and no more.
  const more = [4, 5, 6].map(read);
  await new Promise(setImmediate);
  expect(begun.slice(4)).toEqual([4, 5]);
  for (const number of [4, 5]) ends[number]!();
  await new Promise(setImmediate);
  ends[6]!();
  expect(await Promise.all(more)).toEqual([4, 5, 6]);
});
