/** Clients' own servers, for webhooks: each with a way of its own to answer, and a journal of what it was sent. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from '../random.ts';

/**
 * What a receiver does: answers 200; answers 500 to the first tries of a delivery; resets the connection of the first
 * tries; does not answer the first try; answers 410; answers 307.
 */
export type Manner = 'healthy' | 'failing' | 'resetting' | 'hanging' | 'gone' | 'redirecting';

/** One try, as it came. */
export interface Seen {
  readonly id: string;
  readonly atMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number | 'reset' | 'hang';
}

export interface Receiver {
  readonly manner: Manner;
  readonly url: string;
  readonly seen: Seen[];
  stop(): void;
}

/** How many tries of one delivery fail at most, before it is answered. */
const MAX_FAILURES: Readonly<Partial<Record<Manner, number>>> = { failing: 3, resetting: 3, hanging: 1 };
/** Of the deliveries to a hanging one, as many hang: each costs a time-out. */
const HANG_CHANCE = 0.2;

/** `onSeen` hears of every try before it is answered. */
export async function startReceiver(
  manner: Manner,
  random: Random,
  redirectTo: string,
  onSeen: (one: Seen) => void = () => undefined,
): Promise<Receiver> {
  const seen: Seen[] = [];
  const failuresLeft = new Map<string, number>();

  function failures(id: string): number {
    const most = MAX_FAILURES[manner] ?? 0;
    const drawn = manner === 'hanging' ? Number(random.chance(HANG_CHANCE)) : random.integer(Math.min(1, most), most);
    const left = failuresLeft.get(id) ?? drawn;
    failuresLeft.set(id, left - 1);
    return left;
  }

  function statusOf(id: string): Seen['status'] {
    return manner === 'gone'
      ? 410
      : manner === 'redirecting'
        ? 307
        : manner === 'healthy' || failures(id) <= 0
          ? 200
          : manner === 'failing'
            ? 500
            : manner === 'resetting'
              ? 'reset'
              : 'hang';
  }

  function answer(status: Seen['status'], response: ServerResponse): void {
    if (status === 'reset') response.socket!.resetAndDestroy();
    else if (status !== 'hang') response.writeHead(status, status === 307 ? { location: redirectTo } : {}).end();
  }

  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = request.headers as Record<string, string>;
      const id = headers['webhook-id'] ?? '';
      const one = { id, atMs: Date.now(), headers, body: Buffer.concat(chunks).toString(), status: statusOf(id) };
      seen.push(one);
      onSeen(one);
      answer(one.status, response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    manner,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    seen,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
