/**
 * A reverse proxy in front of one gateway that behaves like nginx: it buffers a whole answer before it forwards it, and
 * closes its connection to the gateway when its client has disconnected.
 */
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface HttpProxy {
  readonly url: string;
  stop(): Promise<void>;
}

/** `keepAlive` applies to the connections to the gateway. */
export async function startHttpProxy(targetUrl: string, keepAlive: boolean): Promise<HttpProxy> {
  const agent = new Agent({ keepAlive });
  const server = createServer((incoming, outgoing) => {
    const headers = {
      ...incoming.headers,
      'x-forwarded-for': incoming.socket.remoteAddress ?? 'unknown',
      connection: keepAlive ? 'keep-alive' : 'close',
    };
    const behind = request(targetUrl + incoming.url!, { method: incoming.method!, agent, headers });
    const fail = (): void =>
      void (outgoing.headersSent || outgoing.writeHead(502, { 'content-type': 'application/json' }).end('{}'));
    behind.on('error', fail).on('response', (answer) => {
      buffer(answer).then(
        (body) =>
          outgoing
            .writeHead(answer.statusCode!, {
              'content-type': answer.headers['content-type'] ?? 'text/plain',
              'content-length': body.length,
            })
            .end(body),
        fail,
      );
    });
    outgoing.on('close', () => outgoing.writableFinished || behind.destroy());
    incoming.pipe(behind);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}
