/** A client's webhook server: it records every request and answers as the test specifies. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { onEnd } from './on-end.ts';

export interface Received {
  readonly id: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly event: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: { readonly job: Record<string, unknown>; readonly omitted?: string[] };
  };
}

export interface WebhookReceiver {
  readonly url: string;
  readonly received: Received[];
  /** Sets the answer to subsequent requests: a status, or a function that handles the response. The default is 204. */
  answerWith(answer: number | ((response: ServerResponse) => void)): void;
}

/** The `EGRESS_ALLOW` setting that permits requests to the receiver. */
export const ALLOW_LOOPBACK = { EGRESS_ALLOW: '127.0.0.1' } as const;

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received: Received[] = [];
  let answer: Parameters<WebhookReceiver['answerWith']>[0] = 204;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const headers = request.headers as Record<string, string>;
      received.push({ id: headers['webhook-id'] ?? '', headers, body, event: JSON.parse(body) as Received['event'] });
      if (typeof answer === 'number') response.writeHead(answer).end();
      else answer(response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    answerWith: (next) => void (answer = next),
  };
}

/** Returns true if the `standardwebhooks` package accepts the request with this secret. */
export function isBelieved({ body, headers }: Received, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}
