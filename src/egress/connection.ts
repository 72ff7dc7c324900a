/** A connection to an address that was checked, with TLS where the URL says so. Names are not resolved here. */
import { once } from 'node:events';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { startDeadline } from './deadline.ts';
import { EgressFailure } from './failure.ts';
import { bareHost } from './reach.ts';

/** Begins a TCP connection to an IP address. Nothing else of the egress opens sockets. */
export type Connect = (address: string, port: number) => Socket;

// For an address Node asks no resolver, and a socket knows no proxy.
export const connectTcp: Connect = (host, port) => connectSocket({ host, port, noDelay: true });

/** An address that does not answer leaves time for the next one. */
const ONE_OF_SEVERAL_MS = 3_000;

export interface Target {
  /** As WHATWG spells it. */
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
  /** All of them were checked; tried one after the other. */
  readonly addresses: readonly string[];
  isAllowed(address: string): boolean;
}

/** Rejects with an `EgressFailure`, or with anything once `signal` has ended. */
export async function openConnection(target: Target, connect: Connect, signal: AbortSignal): Promise<Socket> {
  const socket = await connectFirst(target, connect, signal);
  // The last line: whatever was asked for, it counts who is at the other end.
  if (!target.isAllowed(socket.remoteAddress ?? '')) {
    socket.destroy();
    throw new EgressFailure('BLOCKED');
  }
  return target.secure ? secure(socket, bareHost(target.hostname), signal) : socket;
}

async function connectFirst({ addresses, port }: Target, connect: Connect, signal: AbortSignal): Promise<Socket> {
  for (const [index, address] of addresses.entries()) {
    const socket = connect(address, port).on('error', () => undefined);
    const isLast = index === addresses.length - 1;
    const deadline = isLast ? null : startDeadline(ONE_OF_SEVERAL_MS, signal);
    try {
      await once(socket, 'connect', { signal: deadline?.signal ?? signal });
      return socket;
    } catch (error) {
      socket.destroy();
      if (signal.aborted) throw error;
    } finally {
      deadline?.end();
    }
  }
  throw new EgressFailure('NOT_CONNECTED');
}

async function secure(socket: Socket, host: string, signal: AbortSignal): Promise<Socket> {
  // The certificate is held against the name of the URL, not against the address. An address cannot be a server name
  // (RFC 6066), and no name has its dot there.
  const peer = isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : { host };
  // Written out, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not undo it.
  const tls = connectTls({ socket, ...peer, rejectUnauthorized: true, ALPNProtocols: ['http/1.1'] }).on(
    'error',
    () => undefined,
  );
  try {
    await once(tls, 'secureConnect', { signal });
    return tls;
  } catch (error) {
    tls.destroy();
    socket.destroy();
    if (signal.aborted) throw error;
    throw new EgressFailure('TLS');
  }
}
