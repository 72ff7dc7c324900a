/** Webhook receivers of clients. Each one answers in its own manner and records the attempts that it receives. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from '../random.ts';

/**
 * The behavior of a receiver, in this order: answers 200; answers 500 to the first attempts of a delivery; resets the
 * connection of the first attempts; does not answer the first attempt of some deliveries; answers 410; answers 307.
 */
export type Manner = 'healthy' | 'failing' | 'resetting' | 'hanging' | 'gone' | 'redirecting';

/** One attempt, as it was received. */
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

/** The maximum number of attempts of one delivery that fail before one is answered 200. */
const MAX_FAILURES: Readonly<Partial<Record<Manner, number>>> = { failing: 3, resetting: 3, hanging: 1 };
/** The share of deliveries to a hanging receiver that hang. Each of them costs a timeout. */
const HANG_CHANCE = 0.2;

/** Starts a receiver. `onSeen` is called with every attempt before it is answered. */
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
