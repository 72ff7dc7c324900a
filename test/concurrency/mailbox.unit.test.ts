import { describe, expect, test } from 'vitest';
import { createMailbox } from '../../src/concurrency/mailbox.ts';

function open() {
  let closed = 0;
  const mailbox = createMailbox<string>(() => (closed += 1));
  return { mailbox, closed: () => closed };
}

describe('a mailbox', () => {
  test('holds at most the newest value of each key, however many are put', async () => {
    const { mailbox } = open();
    for (let index = 0; index <= 10_000; index += 1) mailbox.put('a', `a${index}`);
    mailbox.put('b', 'b');
    expect([await mailbox.next(), await mailbox.next()]).toEqual([
      { value: 'a10000', done: false },
      { value: 'b', done: false },
    ]);
  });

  test('hands each value to one waiting reader, in order', async () => {
    const { mailbox } = open();
    const [first, second] = [mailbox.next(), mailbox.next()];
    mailbox.put('a', '1');
    mailbox.put('a', '2');
    expect([await first, await second]).toEqual([
      { value: '1', done: false },
      { value: '2', done: false },
    ]);
  });

  test('delivers its remaining values before it ends', async () => {
    const { mailbox, closed } = open();
    mailbox.put('a', '1');
    mailbox.end();
    mailbox.put('a', '2');
    expect([await mailbox.next(), await mailbox.next()]).toEqual([
      { value: '1', done: false },
      { value: undefined, done: true },
    ]);
    expect(closed()).toBe(1);
  });

  test('ends immediately, for all pending reads, when the reader leaves', async () => {
    const { mailbox, closed } = open();
    const waiting = [mailbox.next(), mailbox.next()];
    await mailbox.return!();
    await mailbox.return!();
    expect(await Promise.all(waiting)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
    expect(closed()).toBe(1);
  });

  test('rejects with an error that is thrown into it, and ends', async () => {
    const { mailbox, closed } = open();
    await expect(mailbox.throw!(new Error('enough'))).rejects.toThrow('enough');
    expect(await mailbox.next()).toEqual({ value: undefined, done: true });
    expect(closed()).toBe(1);
  });

  test('is empty after return or throw', async () => {
    for (const leave of ['return', 'throw'] as const) {
      const mailbox = createMailbox<string>(() => undefined);
      mailbox.put('a', '1');
      await mailbox[leave]!(new Error('enough')).then(
        (result) => expect(result).toEqual({ value: undefined, done: true }),
        () => undefined,
      );
      expect(await mailbox.next()).toEqual({ value: undefined, done: true });
    }
  });

  test('gives waiting readers nothing but the end once it has ended', async () => {
    const mailbox = createMailbox<string>(() => undefined);
    const waiting = mailbox.next();
    mailbox.end();
    mailbox.put('a', '1');
    expect([await waiting, await mailbox.next()]).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
    expect(mailbox[Symbol.asyncIterator]()).toBe(mailbox);
  });
});
