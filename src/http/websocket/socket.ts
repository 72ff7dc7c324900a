/**
 * One WebSocket under the graphql-ws protocol: sending with back-pressure, pings, ends with a reason, and errors that
 * stay on their socket.
 */
import type { IncomingMessage } from 'node:http';
import { CloseCode, MessageType, type Server } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Caller } from '../../accounts/caller.ts';
import type { Log } from '../../log.ts';
import { createOutbox, type OutboxLimits } from './send-queue.ts';
import { guardSubscriptionIds } from './subscription-ids.ts';
import { GatewayError, type ErrorCode } from '../../errors.ts';

/** What is known of a socket; its caller from `connection_init` on. */
export interface SocketExtra {
  readonly request: IncomingMessage;
  caller?: Caller;
  /** The ids of what is subscribed to, from the asking until it has come to its end. */
  readonly running: Set<string>;
  /** It is closed, and is counted no more. */
  isGone: boolean;
}

export interface SocketLimits extends OutboxLimits {
  /** On average over 10 s; pings and pongs of WebSocket count too. */
  readonly messagesPerSecond: number;
  /** How often a peer is pinged; one that has not answered by the next ping does not read, or is gone. */
  readonly pingMs: number;
}

export interface ServedSocket {
  /** Begins the closing handshake; a peer that does not answer it is cut off. */
  close(code: number, reason: string): void;
  /**
   * Resolves, when the socket is gone, with the code that we closed it with, else the peer's; 1006 when there was none.
   */
  readonly closed: Promise<number>;
}

/** Thrown while a socket is acknowledged: clients come back from its 1013. */
export class TooManySocketsError extends Error {
  override readonly name = 'TooManySocketsError';
}

/** What the client itself has to change before it connects again. */
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
 * The reason of a 4403: a code that clients may rely on, then a text for people. At most 123 bytes, else it is left
 * out.
 */
export const closeReasonOf = ({ code, message }: GatewayError): string => `${code}: ${message}`;

const BURST_SECONDS = 10;

/** RFC 6455 5.5: what a control frame holds, beside the code. */
const MAX_REASON_BYTES = 123;

/** RFC 6455 7.4.1: data of a kind that is not taken. */
const UNSUPPORTED_DATA = 1003;

/**
 * How long a slow reader has to take what waits for it and the 1013 behind that; shorter than the closing handshake may
 * take.
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
    // With a longer one ws would throw, and the socket would never close.
    socket.close(code, Buffer.byteLength(reason) > MAX_REASON_BYTES ? '' : reason);
  }

  function cutOff(): void {
    // Without a reset the kernel would keep megabytes, for minutes, for a peer that does not take them.
    if (request.socket.writableLength > 0) request.socket.resetAndDestroy();
    else socket.terminate();
  }

  /** A peer that does not read is sent away; what it missed it reads when it comes back. */
  function endSlow(reason: 'BUFFERED' | 'UNSENT' | 'NO_PONG'): void {
    if (!isOpen()) return;
    log.warn(
      { code: 1013, reason, bufferedBytes: socket.bufferedAmount, unsentMs: Math.round(outbox.unsentMs()) },
      'a socket reads too slowly and is closed',
    );
    ending = setTimeout(cutOff, SLOW_GRACE_MS);
    close(1013, 'Too slow');
    release();
  }

  const mayReceive = createAllowance(limits.messagesPerSecond);
  function endNoisy(): void {
    log.warn({ code: 1013, reason: 'MESSAGES' }, 'a socket sends too many messages and is closed');
    close(1013, 'Too many messages');
    release();
  }
  /** Counts what was received. False when it is one too many, or the socket is on its way out. */
  function hear(): boolean {
    if (!isOpen()) return false;
    if (mayReceive()) return true;
    endNoisy();
    return false;
  }

  let answered = true;
  let pings: NodeJS.Timeout | undefined;
  /**
   * The next beat waits for this one, and for what the network has for us: when this process itself was held up, the
   * answer is there.
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
    log.info({ code: 1006, reason: 'NO_PONG' }, 'a socket does not answer and is cut off');
    cutOff();
  }
  beatLater();
  socket.on('pong', () => {
    answered = true;
    hear();
  });
  socket.on('ping', () => {
    // Answered beside the outbox.
    if (hear()) outbox.check();
  });

  const end = protocol.opened(
    {
      protocol: socket.protocol,
      send: outbox.send,
      close,
      // In place of graphql-ws's own answer, which throws on a payload that is too deep to be written.
      onPing: (payload) => outbox.send(pongWith(payload)),
      onMessage(receive) {
        // On its way out nothing begins any more: nobody would end it.
        const guarded = guardSubscriptionIds((text) => (isOpen() ? receive(text) : Promise.resolve()), close);
        socket.on('message', (data: Buffer, isBinary: boolean) => {
          if (!hear()) return;
          // ws has not looked whether it is UTF-8.
          if (isBinary) return close(UNSUPPORTED_DATA, 'Text only');
          // Some clients begin a message with a byte order mark, as some do a body.
          guarded(data.toString().replace(/^\ufeff/, '')).catch((error: unknown) => {
            if (!isOpen()) return;
            if (error instanceof TooManySocketsError) return close(1013, 'Too many sockets');
            const code = error instanceof GatewayError ? error.code : null;
            if (code === 'RATE_LIMITED') return close(1013, 'Too many unknown keys');
            if (isForbidden(error)) return close(CloseCode.Forbidden, closeReasonOf(error));
            const level = code === 'SERVICE_UNAVAILABLE' ? 'warn' : 'error';
            log[level]({ err: error }, 'a socket message could not be handled');
            // Clients come back from 1013; from 1011 and from graphql-ws's own 4500 they do not.
            close(1013, 'Try again later');
          });
        });
      },
    },
    extra,
  );

  let released = false;
  /** Ends its subscriptions and timers, once. */
  function release(heard?: number, reason = ''): void {
    if (released) return;
    released = true;
    clearTimeout(pings);
    outbox.stop();
    end(sentCode ?? heard ?? CloseCode.InternalServerError, reason).catch((error: unknown) =>
      log.error({ err: error }, 'a socket could not be closed cleanly'),
    );
  }

  // A frame that is too large or malformed: ws closes the socket itself, with the right code.
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

/** With the payload of the ping, where it can be written. */
function pongWith(payload: object | null | undefined): string {
  try {
    return JSON.stringify({ type: MessageType.Pong, payload: payload ?? undefined });
  } catch {
    return JSON.stringify({ type: MessageType.Pong });
  }
}

/** True as often as the rate allows, with what was not used of the last 10 s. */
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
