/** An egress for a test, and networks that it believes to be in. */
import { once } from 'node:events';
import { connect as connectSocket, createServer, Socket, type AddressInfo } from 'node:net';
import { loadConfig } from '../../src/config.ts';
import { createEgress, type Egress, type EgressAnswer, type EgressOptions } from '../../src/egress/egress.ts';
import { onEnd } from './on-end.ts';

type Connect = NonNullable<EgressOptions['connect']>;

/** With `EGRESS_ALLOW` as an operator writes it. No name resolves unless the test says to what. */
export function egressOf(allow: string, options: Partial<EgressOptions> = {}): Egress {
  const lookup = async () => Promise.reject(new Error('ENOTFOUND'));
  const egress = createEgress({
    allow: loadConfig({ EGRESS_ALLOW: allow }).EGRESS_ALLOW,
    maxConnectionsPerHost: 4,
    timeoutMs: 20_000,
    maxAnswerBytes: 16_384,
    lookup,
    ...options,
  });
  onEnd(() => egress.stop());
  return egress;
}

export const aRequest = {
  headers: { 'content-type': 'application/json' },
  body: '{"a":1}',
  signal: new AbortController().signal,
};

/** `BLOCKED`, `200`. */
export const endOf = (answer: EgressAnswer): string =>
  answer.kind === 'answered' ? String(answer.httpStatus) : answer.reason;

/** Listens on all addresses of this machine, loopback among them, and counts who comes. */
export async function startCanary(): Promise<{ readonly port: number; connections(): number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined).destroy();
  }).listen(0);
  await once(server, 'listening');
  onEnd(async () => {
    server.close();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

/**
 * A network in which no connection to one of `addresses` succeeds; all others are the real one. `asked` is what was
 * connected to.
 */
export function unreachable(addresses: readonly string[]): { readonly asked: string[]; readonly connect: Connect } {
  const asked: string[] = [];
  return {
    asked,
    connect(address, port) {
      asked.push(address);
      if (!addresses.includes(address)) return connectSocket({ host: address, port });
      const socket = new Socket();
      process.nextTick(() => socket.destroy(new Error('ENETUNREACH')));
      return socket;
    },
  };
}

/** A network in which a receiver on loopback has every address. `asked` is what was connected to. */
export function standIn(url: string): { readonly asked: string[]; readonly connect: Connect } {
  const asked: string[] = [];
  return {
    asked,
    connect(address, port) {
      asked.push(`${address} ${port}`);
      return Object.defineProperty(
        connectSocket({ host: '127.0.0.1', port: Number(new URL(url).port) }),
        'remoteAddress',
        { value: address },
      );
    },
  };
}
