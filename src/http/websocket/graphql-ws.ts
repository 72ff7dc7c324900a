/** Serves subscriptions over graphql-ws on the port and path of HTTP, with the same limits and error masking. */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Server } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { createAddressOf, networkOf } from '../../network/client-address.ts';
import { closeInSlices } from './close-in-slices.ts';
import { closeRevoked } from './close-revoked.ts';
import { createProtocol } from './protocol.ts';
import type { SocketOptions } from './socket-options.ts';
import { createSocketQuotas, type SocketQuotas } from './socket-quotas.ts';
import { serveSocket, type ServedSocket, type SocketExtra } from './socket.ts';
import { createUpgradeHandler } from './upgrade.ts';

export interface Sockets {
  count(): number;
  /** Returns the number of sockets closed so far, by code: ours if we closed them, else the peer's, or 1006 if none. */
  closes(): Readonly<Record<number, number>>;
  /** Stops accepting sockets and closes the open ones in slices with 1001, after which clients reconnect. */
  stop(): Promise<void>;
}

export function startSockets(server: HttpServer, options: SocketOptions): Sockets {
  const quotas = createSocketQuotas(options.quotas);
  const findAddress = createAddressOf(options.trustProxy);
  const addressOf = (request: IncomingMessage): string => networkOf(findAddress(request));
  const protocol = createProtocol(options, { quotas, addressOf });
  const { open, closes, serve } = createOpenSockets(options, { protocol, quotas, addressOf });
  let stopping = false;
  const upgrade = createUpgradeHandler(options, { quotas, addressOf, isStopping: () => stopping, serve });
  const revocations = closeRevoked(open, options);
  server.on('upgrade', upgrade);

  return {
    count: () => open.size,
    closes: () => ({ ...closes }),
    async stop() {
      stopping = true;
      revocations.stop();
      await closeInSlices([...open.keys()], options.stopSpreadMs);
    },
  };
}

interface OpenSocketParts {
  readonly protocol: Server<SocketExtra>;
  readonly quotas: SocketQuotas;
  /** Returns the key by which limits per address count. */
  addressOf(request: IncomingMessage): string;
}

/** Keeps the open sockets, and counts the closed ones by their code. */
function createOpenSockets(options: SocketOptions, { protocol, quotas, addressOf }: OpenSocketParts) {
  const open = new Map<ServedSocket, SocketExtra>();
  const closes: Record<number, number> = {};
  const serve = (accepted: WebSocket, request: IncomingMessage): void => {
    // Counts the socket only here: an invalid handshake never gets this far, and its place would never be released.
    const address = addressOf(request);
    quotas.enter(address);
    const extra: SocketExtra = { request, running: new Set(), isGone: false };
    const socket = serveSocket(protocol, accepted, extra, options);
    open.set(socket, extra);
    void socket.closed.then((code) => {
      open.delete(socket);
      extra.isGone = true;
      if (extra.caller) quotas.release(extra.caller.keyId ?? extra.caller.kind, extra);
      quotas.leave(address);
      closes[code] = (closes[code] ?? 0) + 1;
    });
  };
  return { open, closes, serve };
}
