/** Opens a connection to a checked address, with TLS if the URL requires it. Names are not resolved here. */
import { once } from 'node:events';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { startDeadline } from './deadline.ts';
import { EgressFailure } from './failure.ts';
import { bareHost } from './reach.ts';

/** Starts a TCP connection to an IP address. No other part of the egress opens sockets. */
export type Connect = (address: string, port: number) => Socket;

// For an IP address Node does not query a resolver, and a socket does not use a proxy.
export const connectTcp: Connect = (host, port) => connectSocket({ host, port, noDelay: true });

/** Time limit for each address except the last, so that an unresponsive one leaves time for the next. */
const ONE_OF_SEVERAL_MS = 3_000;

export interface Target {
  /** In WHATWG spelling. */
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
  /** Checked addresses, tried one after the other. */
  readonly addresses: readonly string[];
  isAllowed(address: string): boolean;
}

/** Opens the connection. Rejects with an `EgressFailure`, or with any error once `signal` has aborted. */
export async function openConnection(target: Target, connect: Connect, signal: AbortSignal): Promise<Socket> {
  const socket = await connectFirst(target, connect, signal);
  // The last check: whatever was requested, the actual address of the peer decides.
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
  // The certificate is verified against the name in the URL, not against the address. An address cannot be a server
  // name (RFC 6066), and a server name has no trailing dot.
  const peer = isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : { host };
  // Set explicitly, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not disable the verification.
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
