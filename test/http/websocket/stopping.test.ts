import { describe, expect, test } from 'vitest';
import { closeInSlices, sliceSize } from '../../../src/http/websocket/close-in-slices.ts';
import { startGateway } from '../../support/gateway.ts';
import { openSocket, type OpenSocket } from '../../support/socket.ts';

/** Four slices. The last one is closed 150 ms after the first. */
const SOCKETS = 800;
const AT_ONCE = 100;

async function openMany(gateway: Parameters<typeof openSocket>[0]): Promise<OpenSocket[]> {
  const sockets: OpenSocket[] = [];
  while (sockets.length < SOCKETS)
    sockets.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => openSocket(gateway)))));
  return sockets;
}

describe('during shutdown', () => {
  test(
    'open sockets are closed in slices, all with 1001, even if one of them does not respond',
    { timeout: 90_000 },
    async () => {
      const gateway = await startGateway({ SOCKET_INIT_SECONDS: '60', READ_WAIT_SECONDS: '60' });
      const sockets = await openMany(gateway);
      const silent = await openSocket(gateway);
      silent.socket.pause();
      const closes = sockets.map(async ({ closed }) => ({ code: await closed, at: performance.now() }));
      // The last slice is closed 150 ms after the first one, which is closed after this time.
      const from = performance.now();
      await gateway.stop();
      // 0.15 s for the slices and 2 s for the silent socket. The socket library alone would wait 30 s for it.
      expect(performance.now() - from).toBeLessThan(25_000);
      const ends = await Promise.all(closes);
      expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([1001]));
      expect(Math.max(...ends.map(({ at }) => at)) - from).toBeGreaterThan(145);
      expect(gateway.live.closes()).toEqual({ 1001: SOCKETS + 1 });
    },
  );

  test('a slice is closed at once, and the next one follows 50 ms later', async () => {
    const from = performance.now();
    const times: number[] = [];
    const socket = { close: () => void times.push(performance.now() - from), closed: Promise.resolve(1001) };
    const closing = closeInSlices(
      Array.from({ length: SOCKETS }, () => socket),
      2_000,
    );
    expect(times).toHaveLength(250);
    await closing;
    expect(times).toHaveLength(SOCKETS);
    // Checked by slice number: timers may fire late, but not early by more than their resolution.
    expect(times.filter((at, index) => at < Math.floor(index / 250) * 50 - 2)).toEqual([]);
  });

  test('slices are larger if the time would not suffice otherwise', () => {
    expect([1, 250, 10_000].map((count) => sliceSize(count, 2_000))).toEqual([250, 250, 250]);
    expect(sliceSize(50_000, 2_000)).toBe(1_250);
    expect([sliceSize(10_000, 100), sliceSize(10_000, 0)]).toEqual([5_000, 10_000]);
  });
});
