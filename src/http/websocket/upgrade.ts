/** Handles upgrade requests: checks the handshake, waits for a slot, and opens the WebSocket. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, handleProtocols } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import { originNotAllowed } from '../cors.ts';
import type { Admission } from '../overload/admission.ts';
import { OverloadedError } from '../overload/overloaded-error.ts';
import { pathOf } from '../path.ts';
import { toBody, wrongHost } from '../server.ts';
import { findHandshakeFault, offersProtocol, refuseUpgrade } from './handshake.ts';
import type { SocketOptions } from './socket-options.ts';
import type { SocketQuotas } from './socket-quotas.ts';

interface UpgradeParts {
  readonly quotas: Pick<SocketQuotas, 'isFull'>;
  /** Returns the key by which limits per address count. */
  addressOf(request: IncomingMessage): string;
  isStopping(): boolean;
  serve(accepted: WebSocket, request: IncomingMessage): void;
}

type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** What to refuse a handshake with. `status` may include further header lines. */
interface Rejection {
  readonly status: string;
  readonly body?: object;
}

/** Time after which a peer that does not answer the closing handshake is cut off. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Time for which a new socket keeps the slot of its handshake. With a single slot, up to 200 sockets per second can
 * connect.
 */
const HANDSHAKE_TURN_MS = 5;

export function createUpgradeHandler(options: SocketOptions, parts: UpgradeParts): UpgradeHandler {
  const { quotas, addressOf, isStopping, serve } = parts;
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: options.maxMessageBytes,
    handleProtocols: (protocols) => handleProtocols(protocols),
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0]);

  return (request, socket, head) => {
    socket.on('error', () => undefined);
    const refuse = (status: string, body?: object) => refuseUpgrade(socket, status, body);
    const rejection = findRejection(request, options, isStopping());
    if (rejection) return refuse(rejection.status, rejection.body);
    if (quotas.isFull(addressOf(request))) return refuse('429 Too Many Requests');
    admitHandshake(options.admission, socket).then(
      (leave) => {
        if (socket.destroyed) return leave();
        if (isStopping()) return (leave(), refuse('503 Service Unavailable'));
        // Other sockets of the same address may have been accepted while this one waited.
        if (quotas.isFull(addressOf(request))) return (leave(), refuse('429 Too Many Requests'));
        sockets.handleUpgrade(request, socket, head, (accepted) => serve(accepted, request));
        // Keeps the slot a little longer, because authentication and the first reads of the socket follow immediately.
        setTimeout(leave, HANDSHAKE_TURN_MS).unref();
      },
      (error: unknown) => {
        // Any other error means that the client disconnected while it waited.
        if (!(error instanceof OverloadedError)) return;
        refuse(`503 Service Unavailable\r\nretry-after: ${error.retryAfterSeconds}`, toBody(error.message, error.code));
      },
    );
  };
}

/** Checks the request itself. Returns null if the handshake may wait for a slot. */
function findRejection(
  request: IncomingMessage,
  { path, isOurHost, origins, logRefusal }: SocketOptions,
  isStopping: boolean,
): Rejection | null {
  if (pathOf(request.url ?? '') !== path) return { status: '404 Not Found' };
  const fault = findHandshakeFault(request);
  if (fault !== null) return { status: fault };
  const { host = '', origin } = request.headers;
  if (!isOurHost(host)) {
    logRefusal('ALLOWED_HOSTS', host);
    return { status: '421 Misdirected Request', body: toBody(wrongHost(host), 'MISDIRECTED_REQUEST') };
  }
  if (isStopping) return { status: '503 Service Unavailable' };
  // A request without an origin does not come from a browser.
  if (origin !== undefined && !origins.allows(origin, request)) {
    logRefusal('CORS_ORIGINS', origin);
    const { message, code } = originNotAllowed(origin);
    return { status: '403 Forbidden', body: toBody(message, code) };
  }
  if (!offersProtocol(request)) {
    const message = `The subprotocol must be ${GRAPHQL_TRANSPORT_WS_PROTOCOL}, and Sec-WebSocket-Protocol does not offer it.`;
    return { status: '400 Bad Request', body: toBody(message, 'SUBPROTOCOL_NOT_SUPPORTED') };
  }
  return null;
}

/** Resolves when the handshake has a slot, with the function that releases it. Rejects if the client disconnects. */
function admitHandshake(admission: Admission, socket: Duplex): Promise<() => void> {
  return admission.enter('handshake', () => {
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    return gone.signal;
  });
}
