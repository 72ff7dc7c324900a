/** Sends messages to one peer, and limits how many bytes wait to be sent and for how long. */
import type { WebSocket } from 'ws';

export interface SendQueueLimits {
  /** Maximum number of bytes that may wait to be sent. */
  readonly maxBufferedBytes: number;
  /** Maximum time that a message may wait to be sent. */
  readonly maxUnsentMs: number;
}

export interface SendQueue {
  /** Resolves when the bytes are on their way, or never will be. Only then is a source asked for more. */
  send(data: string): Promise<void>;
  /** Checks the number of waiting bytes. Must be called for frames that bypass the queue. */
  check(): void;
  /** Returns how long the oldest message has waited, or 0 if none waits. */
  unsentMs(): number;
  stop(): void;
}

/** Creates a send queue that calls `onSlow` when one of the limits is exceeded, possibly more than once. */
export function createSendQueue(
  socket: WebSocket,
  { maxBufferedBytes, maxUnsentMs }: SendQueueLimits,
  onSlow: (reason: 'BUFFERED' | 'UNSENT') => void,
): SendQueue {
  /** Hand-over times of the messages that have not been flushed, oldest first, because a socket flushes in order. */
  const unsent = new Set<{ readonly at: number }>();
  let timer: NodeJS.Timeout | undefined;

  function unsentMs(): number {
    const [oldest] = unsent;
    return oldest ? performance.now() - oldest.at : 0;
  }

  function watchAge(): void {
    if (timer || unsent.size === 0) return;
    // Checks the age only after pending network events: if this process itself was blocked, the peer was not slow.
    timer = setTimeout(() => setImmediate(judgeAge), Math.max(1, maxUnsentMs - unsentMs()));
  }

  function judgeAge(): void {
    timer = undefined;
    if (socket.readyState !== socket.OPEN) return;
    if (unsentMs() >= maxUnsentMs) onSlow('UNSENT');
    else watchAge();
  }

  function check(): void {
    if (socket.readyState === socket.OPEN && socket.bufferedAmount > maxBufferedBytes) onSlow('BUFFERED');
  }

  return {
    send: (data) =>
      new Promise((resolve) => {
        check();
        if (socket.readyState !== socket.OPEN) return resolve();
        const message = { at: performance.now() };
        unsent.add(message);
        watchAge();
        // Resolves on an error too: it means that the socket is closed, and the close event ends its subscriptions.
        socket.send(data, () => {
          unsent.delete(message);
          resolve();
        });
      }),
    check,
    unsentMs,
    stop: () => clearTimeout(timer),
  };
}
