/** A TCP proxy that can break connections, refuse them, or keep them open and drop all data. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * Selects connections by the first bytes that their client sent, as Latin-1 text. A PostgreSQL client sends its
 * application name there.
 */
type Which = (opening: string) => boolean;

export interface TcpProxy {
  readonly port: number;
  /** The target's URL with the proxy's address. */
  readonly url: string;
  /** Breaks the connections that are open now, but not later ones. Returns their number. */
  breakOpen(which?: Which): number;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Drops all data in both directions, without closing any connection. */
  silence(): void;
  /** Drops the data of the connections that are open now, but not of later ones. Returns their number. */
  silenceOpen(which?: Which): number;
  /** Forwards data again and accepts new connections. Breaks the connections that are still open. */
  restore(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  opening: string;
  muted: boolean;
}

export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl);
  const pairs = new Set<Pair>();
  let silent = false;

  const server = createServer((client) => {
    const pair: Pair = { client, opening: '', muted: false };
    pairs.add(pair);
    const behind = connect(Number(target.port), target.hostname);
    client.once('data', (chunk: Buffer) => (pair.opening = chunk.toString('latin1')));
    for (const [from, to] of [
      [client, behind],
      [behind, client],
    ] as const) {
      from
        .on('error', () => undefined)
        .on('close', () => {
          pairs.delete(pair);
          to.destroy();
        });
      from.on('data', (chunk) => {
        if (!silent && !pair.muted) to.write(chunk);
      });
    }
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const chosen = (which: Which): Pair[] => [...pairs].filter(({ opening }) => which(opening));
  const breakOpen = (which: Which = () => true): number => chosen(which).map(({ client }) => client.destroy()).length;

  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = new URL(targetUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    port,
    url: url.href,
    breakOpen,
    async cut() {
      const closed = server.listening ? once(server, 'close') : Promise.resolve();
      server.close();
      breakOpen();
      await closed;
    },
    silence: () => void (silent = true),
    silenceOpen: (which = () => true) => chosen(which).map((pair) => (pair.muted = true)).length,
    async restore() {
      silent = false;
      breakOpen();
      if (!server.listening) await listen(port);
    },
  };
}
