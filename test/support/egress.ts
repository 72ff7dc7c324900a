/** An egress for tests, and simulated networks for it. */
import { once } from 'node:events';
import { connect as connectSocket, createServer, Socket, type AddressInfo } from 'node:net';
import { loadConfig } from '../../src/config.ts';
import { createEgress, type Egress, type EgressAnswer, type EgressOptions } from '../../src/egress/egress.ts';
import { onEnd } from './on-end.ts';

type Connect = NonNullable<EgressOptions['connect']>;

/** Creates an egress with `EGRESS_ALLOW` as an operator writes it. Names resolve only if the test provides a lookup. */
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

/** Returns the HTTP status or the reason of the failure, for example `200` or `BLOCKED`. */
export const endOf = (answer: EgressAnswer): string =>
  answer.kind === 'answered' ? String(answer.httpStatus) : answer.reason;

/** Listens on all addresses of this machine, including loopback, and counts connections. */
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
 * Simulates a network in which no connection to one of `addresses` succeeds and all other connections are real. `asked`
 * lists the address of each connection attempt.
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

/**
 * Simulates a network in which a receiver on loopback has every address. `asked` lists the address and port of each
 * connection attempt.
 */
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
