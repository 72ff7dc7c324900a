/** A TCP proxy whose connections can be cut, refused, or left open in silence. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Proxy {
  /** The target's URL with the proxy's address. */
  readonly url: string;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Lets nothing through any more, in either direction, and tells nobody. */
  silence(): void;
  /** The same for the connections that are open now; later ones work. */
  silenceOpen(): void;
  /** Lets everything through again; connections that were silent are dead. */
  restore(): Promise<void>;
}

export async function startProxy(targetUrl: string): Promise<Proxy> {
  const target = new URL(targetUrl);
  const pairs = new Set<Socket>();
  const muted = new WeakSet<Socket>();
  let silent = false;

  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [[socket, upstream], [upstream, socket]] as const) {
      pairs.add(from);
      from.on('error', () => undefined).on('close', () => {
        pairs.delete(from);
        to.destroy();
      });
      from.on('data', (chunk) => {
        if (!silent && !muted.has(from)) to.write(chunk);
      });
    }
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = async () => {
    const closed = server.listening ? once(server, 'close') : Promise.resolve();
    server.close();
    for (const socket of pairs) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  onTestFinished(cut);

  const url = new URL(targetUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    cut,
    silence: () => void (silent = true),
    silenceOpen: () => pairs.forEach((socket) => muted.add(socket)),
    async restore() {
      silent = false;
      for (const socket of pairs) socket.destroy();
      if (!server.listening) await listen(port);
    },
  };
}
