import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { together } from '../../../src/jobs/transaction.ts';

const failing = async (afterMs: number, message: string): Promise<never> => {
  await setTimeout(afterMs);
  throw new Error(message);
};

test('statements that are sent together give their values in order', async () => {
  expect(await together([setTimeout(20, 'a'), Promise.resolve(2), Promise.resolve()])).toEqual(['a', 2, undefined]);
});

test('the error that came first is told, and only once all statements have ended', async () => {
  let ended = false;
  const slow = setTimeout(60).then(() => (ended = true));
  const telling = together([failing(40, 'current transaction is aborted'), slow, failing(10, 'the cause')]);
  await expect(telling).rejects.toThrow('the cause');
  expect(ended).toBe(true);
});
