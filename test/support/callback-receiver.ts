/** A receiver of callbacks that answers 200 and records each callback. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onEnd } from './on-end.ts';

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  readonly atMs: number;
}

export interface CallbackReceiver {
  readonly url: string;
  /** All callbacks so far, in order of arrival. */
  readonly received: readonly Received[];
}

export async function startCallbackReceiver(): Promise<CallbackReceiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const atMs = Date.now();
    void text(request).then((body) => {
      received.push({
        method: request.method!,
        path: request.url!,
        headers: request.headers,
        body: JSON.parse(body) as Received['body'],
        atMs,
      });
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}
