/** Sending to one peer, with an eye on how much of it waits, and for how long. */
import type { WebSocket } from 'ws';

export interface OutboxLimits {
  /** What may wait to be sent. */
  readonly maxBufferedBytes: number;
  /** How long a message may wait to be sent. */
  readonly maxUnsentMs: number;
}

export interface Outbox {
  /** Resolves when the bytes are on their way, or never will be: a source is asked for more only then. */
  send(data: string): Promise<void>;
  /** Looks at what waits; for what is sent beside the outbox. */
  check(): void;
  /** How long the oldest message has waited, 0 when none does. */
  unsentMs(): number;
  stop(): void;
}

/** `onSlow` hears that one of the limits is passed; it may hear it again. */
export function createOutbox(
  socket: WebSocket,
  { maxBufferedBytes, maxUnsentMs }: OutboxLimits,
  onSlow: (reason: 'BUFFERED' | 'UNSENT') => void,
): Outbox {
  /** When each message that has not been flushed was handed over, oldest first: a socket flushes in order. */
  const unsent = new Set<{ readonly at: number }>();
  let timer: NodeJS.Timeout | undefined;

  function unsentMs(): number {
    const [oldest] = unsent;
    return oldest ? performance.now() - oldest.at : 0;
  }

  function watchAge(): void {
    if (timer || unsent.size === 0) return;
    // Judged after what the network has for us: when this process itself was held up, the peer was not slow.
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
        // An error too: it says that the socket is gone, and its closing is what ends its subscriptions.
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
