import { describe, expect, test } from 'vitest';
import { guardSubscriptionIds } from '../../../src/http/websocket/subscription-ids.ts';

describe('messages of a socket', () => {
  function open() {
    const received: string[] = [];
    const closed: [number, string][] = [];
    const ends: (() => void)[] = [];
    const guard = guardSubscriptionIds(
      (text) => {
        received.push(text);
        return text.includes('"subscribe"') ? new Promise((resolve) => ends.push(resolve)) : Promise.resolve();
      },
      (code, reason) => void closed.push([code, reason]),
    );
    const subscribe = (id: string, query = 'a') => JSON.stringify({ id, type: 'subscribe', payload: { query } });
    const complete = (id: string) => JSON.stringify({ id, type: 'complete' });
    return { received, closed, ends, guard, subscribe, complete };
  }
  const settle = () => new Promise(setImmediate);

  test('are passed on in general, including invalid ones', async () => {
    const { received, closed, guard } = open();
    const texts = ['{"type":"ping"}', '{"type":"connection_init"}', 'no JSON', '{}', '7'];
    for (const text of texts) await guard(text);
    expect([received, closed]).toEqual([texts, []]);
  });

  test('that only servers send close the socket with 4400', async () => {
    for (const message of [
      { type: 'connection_ack' },
      { type: 'next', id: '1', payload: {} },
      { type: 'error', id: '1', payload: [{ message: 'a' }] },
    ]) {
      const { received, closed, guard } = open();
      await guard(JSON.stringify(message));
      expect([received, closed]).toEqual([[], [[4400, 'Invalid message received']]]);
    }
  });

  test('start one subscription per id at a time; a second one closes the socket with 4409', async () => {
    const { received, closed, ends, guard, subscribe } = open();
    const [one, two] = [guard(subscribe('1')), guard(subscribe('2'))];
    await guard(subscribe('1', 'b'));
    expect([received, closed]).toEqual([[subscribe('1'), subscribe('2')], [[4409, 'Subscriber for 1 already exists']]]);
    for (const end of ends) end();
    await Promise.all([one, two]);
    // The id is free once its subscription is over.
    void guard(subscribe('1', 'c'));
    expect(received.at(-1)).toBe(subscribe('1', 'c'));
    expect(closed).toHaveLength(1);
  });

  test('that reuse the id of a completed subscription wait until that is over', async () => {
    const { received, closed, ends, guard, subscribe, complete } = open();
    const running = guard(subscribe('1'));
    await guard(complete('1'));
    await guard(subscribe('1', 'b'));
    expect(received).toEqual([subscribe('1'), complete('1')]);
    await guard(subscribe('1', 'c'));
    expect(closed).toEqual([[4409, 'Subscriber for 1 already exists']]);
    ends[0]!();
    await settle();
    expect(received.at(-1)).toBe(subscribe('1', 'b'));
    await guard(subscribe('1', 'd'));
    expect(closed).toHaveLength(2);
    // A further `complete` cancels the subscription that waits.
    await guard(complete('1'));
    await guard(subscribe('1', 'e'));
    await guard(complete('1'));
    ends[1]!();
    await running;
    expect(received.filter((text) => text.includes('subscribe'))).toEqual([subscribe('1'), subscribe('1', 'b')]);
  });

  test('whose subscription fails leave its id free', async () => {
    const guard = guardSubscriptionIds(
      () => Promise.reject(new Error('a bug')),
      () => expect.unreachable(),
    );
    const text = JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'a' } });
    for (let count = 0; count < 2; count += 1) await expect(guard(text)).rejects.toThrow('a bug');
  });

  test('that complete an unused id are passed on', async () => {
    const { received, guard, complete } = open();
    await guard(complete('9'));
    expect(received).toEqual([complete('9')]);
  });
});
