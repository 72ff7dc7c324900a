/** Closes many sockets in slices, so that their clients do not all reconnect at the same moment. */
import { setTimeout } from 'node:timers/promises';
import type { ServedSocket } from './socket.ts';

const SLICE = 250;
const PAUSE_MS = 50;

/** Returns how many sockets to close at once: more than `SLICE` only if the pauses would not fit into the time. */
export const sliceSize = (count: number, spreadMs: number): number =>
  Math.max(SLICE, Math.ceil(count / Math.max(1, Math.floor(spreadMs / PAUSE_MS))));

/** Closes the sockets with 1001, the last ones after at most `spreadMs`, and resolves when all are closed. */
export async function closeInSlices(sockets: readonly ServedSocket[], spreadMs: number): Promise<void> {
  const startedAt = performance.now();
  const size = sliceSize(sockets.length, spreadMs);
  for (let slice = 0; slice * size < sockets.length; slice += 1) {
    if (slice > 0) await setTimeout(Math.max(1, startedAt + slice * PAUSE_MS - performance.now()));
    for (const socket of sockets.slice(slice * size, (slice + 1) * size)) socket.close(1001, 'Going away');
  }
  await Promise.all(sockets.map(({ closed }) => closed));
}
