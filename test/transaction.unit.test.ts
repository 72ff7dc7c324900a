import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { together } from '../src/transaction.ts';

const failing = async (afterMs: number, message: string): Promise<never> => {
  await setTimeout(afterMs);
  throw new Error(message);
};

test('statements that are sent together return their values in order', async () => {
  expect(await together([setTimeout(20, 'a'), Promise.resolve(2), Promise.resolve()])).toEqual(['a', 2, undefined]);
});

test('the first error is reported, and only once all statements have ended', async () => {
  let ended = false;
  const slow = setTimeout(60).then(() => (ended = true));
  const telling = together([failing(40, 'another'), slow, failing(10, 'the cause')]);
  await expect(telling).rejects.toThrow('the cause');
  expect(ended).toBe(true);
});

test('an error that only says that the transaction is aborted is reported only if there is no other', async () => {
  const aborted = async (): Promise<never> => {
    throw new Error('a statement failed', {
      cause: new Error('current transaction is aborted, commands ignored until end of transaction block'),
    });
  };
  await expect(together([aborted(), failing(10, 'the cause')])).rejects.toThrow('the cause');
  await expect(together([aborted(), Promise.resolve()])).rejects.toThrow('a statement failed');
});
