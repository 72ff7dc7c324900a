/**
 * Serves the graphql-ws protocol on one WebSocket: sending with backpressure, pings, closing with a reason, and errors
 * that affect only their own socket.
 */
import type { IncomingMessage } from 'node:http';
import { CloseCode, MessageType, type Server } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Caller } from '../../accounts/caller.ts';
import type { Log } from '../../log.ts';
import { closeAfter } from './close-reason.ts';
import { createClosing, type Closing } from './closing.ts';
import { enforceLimits, type SocketLimits } from './peer-limits.ts';
import { guardSubscriptionIds } from './subscription-ids.ts';

/** The state of a socket. The caller is known from `connection_init` on. */
export interface SocketExtra {
  readonly request: IncomingMessage;
  caller?: Caller;
  /** Ids of the subscriptions, from the subscribe message until they have ended. */
  readonly running: Set<string>;
  /** True once the socket is closed and no longer counted. */
  isGone: boolean;
}

export interface ServedSocket {
  /** Begins the closing handshake; a peer that does not answer it is cut off. */
  close(code: number, reason: string): void;
  /**
   * Resolves when the socket has closed, with the code that we closed it with, else the peer's, or 1006 if there was
   * none.
   */
  readonly closed: Promise<number>;
}

/** Close code for data of an unsupported type (RFC 6455, section 7.4.1). */
const UNSUPPORTED_DATA = 1003;

/** Serves the protocol on the socket until it closes. */
export function serveSocket(
  protocol: Server<SocketExtra>,
  socket: WebSocket,
  extra: SocketExtra,
  options: SocketLimits & { readonly log: Log },
): ServedSocket {
  const { log } = options;
  const closing = createClosing(socket, extra.request);
  const peer = enforceLimits(socket, options, { closing, release, log });

  const end = protocol.opened(
    {
      protocol: socket.protocol,
      send: peer.send,
      close: closing.close,
      // Replaces graphql-ws's own answer, which throws on a payload that is nested too deeply to be serialized.
      onPing: (payload) => peer.send(pongWith(payload)),
      onMessage: (receive) => receiveMessages(socket, receive, { closing, admitMessage: peer.admitMessage, log }),
    },
    extra,
  );

  let released = false;
  /** Ends the subscriptions and timers of the socket, once. */
  function release(peerCode?: number, reason = ''): void {
    if (released) return;
    released = true;
    peer.stop();
    end(closing.codeOr(peerCode) ?? CloseCode.InternalServerError, reason).catch((error: unknown) =>
      log.error({ err: error }, 'a socket could not be closed cleanly'),
    );
  }

  // On a frame that is too large or malformed, ws closes the socket itself, with the right code.
  socket.on('error', () => undefined);
  const closed = new Promise<number>((resolve) => {
    socket.once('close', (peerCode, reason) => {
      closing.stop();
      release(peerCode, String(reason));
      resolve(closing.codeOr(peerCode));
    });
  });
  return { close: closing.close, closed };
}

interface MessageParts {
  readonly closing: Closing;
  /** Counts a message. Returns false if it is not to be handled. */
  admitMessage(): boolean;
  readonly log: Log;
}

/** Passes the messages of the socket on to graphql-ws, and closes the socket if one cannot be handled. */
function receiveMessages(
  socket: WebSocket,
  receive: (text: string) => Promise<void>,
  { closing: { isOpen, close }, admitMessage, log }: MessageParts,
): void {
  // While the socket is closing, nothing new may start, because nothing would end it.
  const guarded = guardSubscriptionIds((text) => (isOpen() ? receive(text) : Promise.resolve()), close);
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (!admitMessage()) return;
    // ws does not check that binary data is valid UTF-8.
    if (isBinary) return close(UNSUPPORTED_DATA, 'Text only');
    // Some clients prefix a message with a byte order mark, as some do with a request body.
    guarded(data.toString().replace(/^\ufeff/, '')).catch((error: unknown) => {
      if (isOpen()) closeAfter(error, close, log);
    });
  });
}

/** Returns a pong with the payload of the ping, or without it if it cannot be serialized. */
function pongWith(payload: object | null | undefined): string {
  try {
    return JSON.stringify({ type: MessageType.Pong, payload: payload ?? undefined });
  } catch {
    return JSON.stringify({ type: MessageType.Pong });
  }
}
