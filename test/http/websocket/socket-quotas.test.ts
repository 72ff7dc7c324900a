/** Tests that a socket or a subscription is no longer counted after it ends, however it ends. */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway.ts';
import { openSocket, subscribe, WATCH } from '../../support/socket.ts';
import { holdQueries } from '../../support/hold.ts';
import { shared } from '../../support/on-end.ts';

describe('the socket quota of a key', () => {
  test('is not used up by a socket that closes while its key is being looked up', async () => {
    const gateway = await startGateway({ MAX_SOCKETS_PER_KEY: '1' });
    const held = await holdQueries(gateway.databaseUrl, 'api_keys');
    const socket = await openSocket(gateway, { init: false });
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${gateway.apiKey}` } });
    await held.waits();
    socket.socket.terminate();
    await expect.poll(() => gateway.live.sockets()).toBe(0);
    await held.release();
    await openSocket(gateway);
  });
});

describe('a subscription id', () => {
  const slow = shared(() => startGateway({ SANDBOX_SECONDS: '60' }));

  test('that is reused while its first subscription is still starting waits until that is over, and no extra watcher remains', async () => {
    const gateway = slow();
    const { id } = await gateway.client.generate();
    const { send, next } = await openSocket(gateway);
    for (let number = 0; number < 20; number += 1) {
      send(subscribe('a', WATCH, { id }));
      send({ id: 'a', type: 'complete' });
    }
    send(subscribe('b', WATCH, { id }));
    let message = await next();
    while (message.id === 'a') message = await next();
    expect(message).toMatchObject({ id: 'b', type: 'next' });
    // Only messages with the same id wait for each other: the last `a` may end after the first event of `b`.
    await expect.poll(() => gateway.live.watchers()).toBe(1);
  });

  test('whose subscription is rejected is no longer counted, even if it is completed in the same packet', async () => {
    const gateway = await startGateway({ SANDBOX_SECONDS: '60', MAX_SUBSCRIPTIONS_PER_SOCKET: '2' });
    const { id } = await gateway.client.generate();
    const { send, next, socket } = await openSocket(gateway);
    const tcp = (socket as unknown as { _socket: Socket })._socket;
    for (let number = 0; number < 20; number += 1) {
      tcp.cork();
      send(subscribe(`refused ${number}`, 'subscription { nothing }', {}));
      send({ id: `refused ${number}`, type: 'complete' });
      tcp.uncork();
    }
    send(subscribe('a', WATCH, { id }));
    let message = await next();
    while (message.id !== 'a') message = await next();
    expect(message).toMatchObject({ id: 'a', type: 'next' });
  });

  test('can be reused after its first subscription has ended', async () => {
    const gateway = await startGateway({ SANDBOX_SECONDS: '60', MAX_SUBSCRIPTIONS_PER_SOCKET: '1' });
    const { id } = await gateway.client.generate();
    const { send, next } = await openSocket(gateway);
    for (let number = 0; number < 3; number += 1) {
      send(subscribe('a', WATCH, { id, after: 0 }));
      expect(await next()).toMatchObject({ id: 'a', type: 'next' });
      send({ id: 'a', type: 'complete' });
      await expect.poll(() => gateway.live.watchers()).toBe(0);
    }
  });

  test('that is in use and too long for a close reason still closes the socket with 4409', async () => {
    const gateway = slow();
    const { id } = await gateway.client.generate();
    const { send, next, closed } = await openSocket(gateway);
    const long = 'x'.repeat(1_000);
    send(subscribe(long, WATCH, { id }));
    expect(await next()).toMatchObject({ type: 'next' });
    send(subscribe(long, WATCH, { id }));
    expect(await closed).toBe(4409);
    expect(gateway.logs.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});
