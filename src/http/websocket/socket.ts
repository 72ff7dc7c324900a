/**
 * Serves the graphql-ws protocol on one WebSocket: sending with backpressure, pings, closing with a reason, and errors
 * that affect only their own socket.
 */
import type { IncomingMessage } from 'node:http';
import { CloseCode, MessageType, type Server } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Caller } from '../../accounts/caller.ts';
import type { Log } from '../../log.ts';
import { createOutbox, type OutboxLimits } from './send-queue.ts';
import { guardSubscriptionIds } from './subscription-ids.ts';
import { GatewayError, type ErrorCode } from '../../errors.ts';

/** The state of a socket. The caller is known from `connection_init` on. */
export interface SocketExtra {
  readonly request: IncomingMessage;
  caller?: Caller;
  /** Ids of the subscriptions, from the subscribe message until they have ended. */
  readonly running: Set<string>;
  /** True once the socket is closed and no longer counted. */
  isGone: boolean;
}

export interface SocketLimits extends OutboxLimits {
  /** Maximum rate, averaged over 10 s. WebSocket pings and pongs count too. */
  readonly messagesPerSecond: number;
  /** Interval between pings. A peer that has not answered by the next ping does not read, or has disconnected. */
  readonly pingMs: number;
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

/** Thrown while a socket is acknowledged. The socket is closed with 1013, after which clients reconnect. */
export class TooManySocketsError extends Error {
  override readonly name = 'TooManySocketsError';
}

/** Errors that the client itself has to correct before it reconnects. */
const forbidden: ReadonlySet<ErrorCode> = new Set([
  'ACCOUNT_DISABLED',
  'AUTHORIZATION_MALFORMED',
  'BAD_USER_INPUT',
  'FORBIDDEN',
  'INVALID_TOKEN',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'UNAUTHENTICATED',
]);

const isForbidden = (error: unknown): error is GatewayError =>
  error instanceof GatewayError && forbidden.has(error.code);

/**
 * Returns the reason of a 4403: a code that clients may rely on, then a human-readable message. A reason of more than
 * 123 bytes is omitted.
 */
export const closeReasonOf = ({ code, message }: GatewayError): string => `${code}: ${message}`;

const BURST_SECONDS = 10;

/** Maximum length of the reason in a control frame, without the code (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/** Close code for data of an unsupported type (RFC 6455, section 7.4.1). */
const UNSUPPORTED_DATA = 1003;

/**
 * Time in which a slow reader has to read the waiting messages and the 1013 after them. Shorter than the time allowed
 * for the closing handshake.
 */
const SLOW_GRACE_MS = 1_500;

/** Serves the protocol on the socket until it closes. */
export function serveSocket(
  protocol: Server<SocketExtra>,
  socket: WebSocket,
  extra: SocketExtra,
  limits: SocketLimits,
  log: Log,
): ServedSocket {
  const { request } = extra;
  let sentCode: number | undefined;
  let ending: NodeJS.Timeout | undefined;
  const isOpen = (): boolean => socket.readyState === socket.OPEN;
  const outbox = createOutbox(socket, limits, endSlow);

  function close(code?: number, reason = ''): void {
    if (isOpen()) sentCode = code;
    // ws throws on a longer reason, and the socket would never close.
    socket.close(code, Buffer.byteLength(reason) > MAX_REASON_BYTES ? '' : reason);
  }

  function cutOff(): void {
    // Without a reset, the kernel would keep megabytes for minutes for a peer that does not read them.
    if (request.socket.writableLength > 0) request.socket.resetAndDestroy();
    else socket.terminate();
  }

  /** Closes the socket of a peer that does not read. After it reconnects, the peer can read what it missed. */
  function endSlow(reason: 'BUFFERED' | 'UNSENT' | 'NO_PONG'): void {
    if (!isOpen()) return;
    log.warn(
      { code: 1013, reason, bufferedBytes: socket.bufferedAmount, unsentMs: Math.round(outbox.unsentMs()) },
      'a socket reads too slowly and is being closed',
    );
    ending = setTimeout(cutOff, SLOW_GRACE_MS);
    close(1013, 'Too slow');
    release();
  }

  const mayReceive = createAllowance(limits.messagesPerSecond);
  function endNoisy(): void {
    log.warn({ code: 1013, reason: 'MESSAGES' }, 'a socket sends too many messages and is being closed');
    close(1013, 'Too many messages');
    release();
  }
  /** Counts a received message, ping or pong. Returns false if it exceeds the rate, or if the socket is closing. */
  function hear(): boolean {
    if (!isOpen()) return false;
    if (mayReceive()) return true;
    endNoisy();
    return false;
  }

  let answered = true;
  let pings: NodeJS.Timeout | undefined;
  /**
   * Schedules the next beat. It follows only after this one, and after pending network events: if this process itself
   * was blocked, the pong has been read by then.
   */
  const beatLater = (): void => void (pings = setTimeout(() => setImmediate(beat), limits.pingMs));
  function beat(): void {
    if (!isOpen()) return;
    if (answered) {
      answered = false;
      socket.ping();
      return beatLater();
    }
    if (socket.bufferedAmount > 0) return endSlow('NO_PONG');
    log.info({ code: 1006, reason: 'NO_PONG' }, 'a socket does not answer pings and is being terminated');
    cutOff();
  }
  beatLater();
  socket.on('pong', () => {
    answered = true;
    hear();
  });
  socket.on('ping', () => {
    // ws itself answers the ping, bypassing the outbox.
    if (hear()) outbox.check();
  });

  const end = protocol.opened(
    {
      protocol: socket.protocol,
      send: outbox.send,
      close,
      // Replaces graphql-ws's own answer, which throws on a payload that is nested too deeply to be serialized.
      onPing: (payload) => outbox.send(pongWith(payload)),
      onMessage(receive) {
        // While the socket is closing, nothing new may start, because nothing would end it.
        const guarded = guardSubscriptionIds((text) => (isOpen() ? receive(text) : Promise.resolve()), close);
        socket.on('message', (data: Buffer, isBinary: boolean) => {
          if (!hear()) return;
          // ws does not check that binary data is valid UTF-8.
          if (isBinary) return close(UNSUPPORTED_DATA, 'Text only');
          // Some clients prefix a message with a byte order mark, as some do with a request body.
          guarded(data.toString().replace(/^\ufeff/, '')).catch((error: unknown) => {
            if (!isOpen()) return;
            if (error instanceof TooManySocketsError) return close(1013, 'Too many sockets');
            const code = error instanceof GatewayError ? error.code : null;
            if (code === 'RATE_LIMITED') return close(1013, 'Too many unknown keys');
            if (isForbidden(error)) return close(CloseCode.Forbidden, closeReasonOf(error));
            const level = code === 'SERVICE_UNAVAILABLE' ? 'warn' : 'error';
            log[level]({ err: error }, 'a socket message could not be handled');
            // Clients reconnect after 1013, but not after 1011 or graphql-ws's own 4500.
            close(1013, 'Try again later');
          });
        });
      },
    },
    extra,
  );

  let released = false;
  /** Ends the subscriptions and timers of the socket, once. */
  function release(heard?: number, reason = ''): void {
    if (released) return;
    released = true;
    clearTimeout(pings);
    outbox.stop();
    end(sentCode ?? heard ?? CloseCode.InternalServerError, reason).catch((error: unknown) =>
      log.error({ err: error }, 'a socket could not be closed cleanly'),
    );
  }

  // On a frame that is too large or malformed, ws closes the socket itself, with the right code.
  socket.on('error', () => undefined);
  const closed = new Promise<number>((resolve) => {
    socket.once('close', (heard, reason) => {
      clearTimeout(ending);
      release(heard, String(reason));
      resolve(sentCode ?? heard);
    });
  });
  return { close, closed };
}

/** Returns a pong with the payload of the ping, or without it if it cannot be serialized. */
function pongWith(payload: object | null | undefined): string {
  try {
    return JSON.stringify({ type: MessageType.Pong, payload: payload ?? undefined });
  } catch {
    return JSON.stringify({ type: MessageType.Pong });
  }
}

/** Creates a rate limiter that returns true while the rate allows it. Unused allowance is kept for 10 s. */
function createAllowance(perSecond: number): () => boolean {
  let left = BURST_SECONDS * perSecond;
  let at = performance.now();
  return () => {
    const now = performance.now();
    left = Math.min(BURST_SECONDS * perSecond, left + ((now - at) / 1_000) * perSecond) - 1;
    at = now;
    return left >= 0;
  };
}
