/** Coalescing of concurrent reads, with a reader whose answers the test controls. */
import { expect, test } from 'vitest';
import { shareReads } from '../../src/concurrency/coalesce-reads.ts';

function startReader() {
  const begun: { readonly key: string; answer(value: string): void; fail(): void }[] = [];
  const read = shareReads(
    (key) =>
      new Promise<string>((resolve, reject) =>
        begun.push({ key, answer: resolve, fail: () => reject(new Error('no answer')) }),
      ),
  );
  return { begun, read };
}

test('any number of concurrent callers share two reads, and none gets a value that was read before its request', async () => {
  const { begun, read } = startReader();
  const first = read('a');
  const crowd = Array.from({ length: 1_000 }, () => read('a'));
  expect(begun).toHaveLength(1);
  begun[0]!.answer('old');
  expect(await first).toBe('old');
  await expect.poll(() => begun.length).toBe(2);
  const late = read('a');
  begun[1]!.answer('new');
  expect(new Set(await Promise.all(crowd))).toEqual(new Set(['new']));
  await expect.poll(() => begun.length).toBe(3);
  begun[2]!.answer('newer');
  expect(await late).toBe('newer');
});

test('reads of different keys do not wait for each other', async () => {
  const { begun, read } = startReader();
  const [a, b] = [read('a'), read('b')];
  expect(begun.map(({ key }) => key)).toEqual(['a', 'b']);
  begun[1]!.answer('of b');
  expect(await b).toBe('of b');
  begun[0]!.answer('of a');
  expect(await a).toBe('of a');
});

test('a read that fails rejects all callers that wait for it, and none that come later', async () => {
  const { begun, read } = startReader();
  const waiting = [read('a'), read('a'), read('a')];
  begun[0]!.fail();
  for (const each of await Promise.allSettled(waiting))
    expect(each).toMatchObject({ status: 'rejected', reason: { message: 'no answer' } });
  const next = read('a');
  expect(begun).toHaveLength(2);
  begun[1]!.answer('here');
  expect(await next).toBe('here');
});
