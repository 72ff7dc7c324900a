/**
 * Provides one public address in front of several gateways. Each connection goes to the next gateway that accepts it.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Forwarder {
  /** Without a trailing slash. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Tries `ports` in turn, and resets the connection if none accepts it. An error on one side resets the other side. */
export async function startForwarder(ports: readonly number[]): Promise<Forwarder> {
  const open = new Set<Socket>();
  let turn = 0;

  const forward = (client: Socket, left: number): void => {
    if (left === 0) return void client.resetAndDestroy();
    const behind = connect({ port: ports[turn++ % ports.length]!, host: '127.0.0.1', allowHalfOpen: true });
    behind
      .once('error', () => forward(client, left - 1))
      .once('connect', () => {
        behind.removeAllListeners('error');
        client.pipe(behind);
        behind.pipe(client);
        for (const [from, to] of [
          [client, behind],
          [behind, client],
        ] as const) {
          from.on('error', () => to.resetAndDestroy());
          from.on('close', () => void to.destroySoon());
        }
      });
    client.once('close', () => behind.destroySoon());
  };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    open.add(client);
    client.on('error', () => undefined).on('close', () => open.delete(client));
    forward(client, ports.length);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}
