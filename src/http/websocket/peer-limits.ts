/** Ends the socket of a peer that reads too slowly, sends too many messages, or does not answer pings. */
import type { WebSocket } from 'ws';
import type { Log } from '../../log.ts';
import type { Closing } from './closing.ts';
import { startHeartbeat } from './heartbeat.ts';
import { createSendQueue, type SendQueueLimits } from './send-queue.ts';

export interface SocketLimits extends SendQueueLimits {
  /** Maximum rate, averaged over 10 s. WebSocket pings and pongs count too. */
  readonly messagesPerSecond: number;
  /** Interval between pings. A peer that has not answered by the next ping does not read, or has disconnected. */
  readonly pingMs: number;
}

interface LimitedPeer {
  /** Sends a message with backpressure. */
  send(data: string): Promise<void>;
  /** Counts a received message, ping or pong. Returns false if it exceeds the rate, or if the socket is closing. */
  admitMessage(): boolean;
  stop(): void;
}

interface PeerParts {
  readonly closing: Closing;
  /** Ends the subscriptions of a socket that is being closed. */
  release(): void;
  readonly log: Log;
}

const BURST_SECONDS = 10;

/** Enforces the limits on the peer of the socket until `stop`. */
export function enforceLimits(
  socket: WebSocket,
  limits: SocketLimits,
  { closing, release, log }: PeerParts,
): LimitedPeer {
  const { isOpen, close } = closing;
  const queue = createSendQueue(socket, limits, endSlow);
  const mayReceive = createAllowance(limits.messagesPerSecond);

  /** Closes the socket of a peer that does not read. After it reconnects, the peer can read what it missed. */
  function endSlow(reason: 'BUFFERED' | 'UNSENT' | 'NO_PONG'): void {
    if (!isOpen()) return;
    log.warn(
      { code: 1013, reason, bufferedBytes: socket.bufferedAmount, unsentMs: Math.round(queue.unsentMs()) },
      'a socket reads too slowly and is being closed',
    );
    closing.cutOffLater();
    close(1013, 'Too slow');
    release();
  }

  function endTooFast(): void {
    log.warn({ code: 1013, reason: 'MESSAGES' }, 'a socket sends too many messages and is being closed');
    close(1013, 'Too many messages');
    release();
  }

  function endSilent(): void {
    if (socket.bufferedAmount > 0) return endSlow('NO_PONG');
    log.info({ code: 1006, reason: 'NO_PONG' }, 'a socket does not answer pings and is being terminated');
    closing.cutOff();
  }

  function admitMessage(): boolean {
    if (!isOpen()) return false;
    if (mayReceive()) return true;
    endTooFast();
    return false;
  }

  const heartbeat = startHeartbeat(socket, limits.pingMs, endSilent);
  socket.on('pong', () => {
    heartbeat.answer();
    admitMessage();
  });
  socket.on('ping', () => {
    // ws itself answers the ping, bypassing the queue.
    if (admitMessage()) queue.check();
  });

  return {
    send: queue.send,
    admitMessage,
    stop() {
      heartbeat.stop();
      queue.stop();
    },
  };
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
