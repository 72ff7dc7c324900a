/** Pings one peer at an interval, to find out whether it still reads. */
import type { WebSocket } from 'ws';

export interface Heartbeat {
  /** Must be called for each pong. */
  answer(): void;
  stop(): void;
}

/** Starts the pings. Calls `onSilent` once if the peer has not answered a ping by the time of the next one. */
export function startHeartbeat(socket: WebSocket, pingMs: number, onSilent: () => void): Heartbeat {
  let answered = true;
  let pings: NodeJS.Timeout | undefined;
  /**
   * Schedules the next beat. It follows only after this one, and after pending network events: if this process itself
   * was blocked, the pong has been read by then.
   */
  const beatLater = (): void => void (pings = setTimeout(() => setImmediate(beat), pingMs));
  function beat(): void {
    if (socket.readyState !== socket.OPEN) return;
    if (answered) {
      answered = false;
      socket.ping();
      return beatLater();
    }
    onSilent();
  }
  beatLater();
  return {
    answer: () => void (answered = true),
    stop: () => clearTimeout(pings),
  };
}
