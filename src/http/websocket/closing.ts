/** Closes one socket: by the closing handshake, or by cutting off a peer that takes no part in it. */
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';

/** Maximum length of the reason in a control frame, without the code (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/**
 * Time in which a slow reader has to read the waiting messages and the 1013 after them. Shorter than the time allowed
 * for the closing handshake.
 */
const SLOW_GRACE_MS = 1_500;

export interface Closing {
  isOpen(): boolean;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
  cutOff(): void;
  /** Cuts the peer off unless the socket closes in time. */
  cutOffLater(): void;
  /** Returns the code that we closed the socket with, else the given one, which is the peer's. */
  codeOr<T extends number | undefined>(peerCode: T): number | T;
  /** Must be called when the socket has closed. */
  stop(): void;
}

export function createClosing(socket: WebSocket, request: IncomingMessage): Closing {
  let sentCode: number | undefined;
  let ending: NodeJS.Timeout | undefined;
  const isOpen = (): boolean => socket.readyState === socket.OPEN;

  function cutOff(): void {
    // Without a reset, the kernel would keep megabytes for minutes for a peer that does not read them.
    if (request.socket.writableLength > 0) request.socket.resetAndDestroy();
    else socket.terminate();
  }

  return {
    isOpen,
    close(code, reason = '') {
      if (isOpen()) sentCode = code;
      // ws throws on a longer reason, and the socket would never close.
      socket.close(code, Buffer.byteLength(reason) > MAX_REASON_BYTES ? '' : reason);
    },
    cutOff,
    cutOffLater: () => void (ending = setTimeout(cutOff, SLOW_GRACE_MS)),
    codeOr: (peerCode) => sentCode ?? peerCode,
    stop: () => clearTimeout(ending),
  };
}
