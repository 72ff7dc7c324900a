/** One WebSocket under the graphql-ws protocol: sending with back-pressure, pings, and errors that stay on their socket. */
import type { IncomingMessage } from 'node:http';
import { CloseCode, type Server } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Log } from '../jobs/ports.ts';

export interface SocketExtra {
  readonly request: IncomingMessage;
}

/** A peer that does not answer a ping before the next one is gone. */
const PING_MS = 12_000;

/** What may wait to be sent. */
const MAX_BUFFERED_BYTES = 1_048_576;

/** Serves the protocol on the socket until it closes. */
export function serveSocket(protocol: Server<SocketExtra>, socket: WebSocket, request: IncomingMessage, log: Log): void {
  let answered = true;
  const pings = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, PING_MS);
  socket.on('pong', () => (answered = true));

  /** A peer that asks and does not read is cut off; what it missed it reads when it comes back. */
  function isOverfull(): boolean {
    if (socket.bufferedAmount <= MAX_BUFFERED_BYTES) return false;
    socket.close(1013, 'Too slow');
    socket.terminate();
    return true;
  }
  socket.on('ping', isOverfull);

  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // Resolves when the bytes are on their way: a source is asked for more only then.
      send: (data) =>
        new Promise((resolve, reject) => {
          if (socket.readyState !== socket.OPEN || isOverfull()) return resolve();
          socket.send(data, (error) => (error ? reject(error) : resolve()));
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (receive) =>
        socket.on('message', (data: Buffer) => {
          receive(data.toString()).catch((error: unknown) => {
            if (socket.readyState !== socket.OPEN) return;
            log.error({ err: error }, 'a socket message could not be handled');
            // Clients come back from 1013; from 1011 and from graphql-ws's own 4500 they do not.
            socket.close(1013, 'Try again later');
          });
        }),
    },
    { request },
  );
  // A frame that is too large or malformed: ws closes the socket itself, with the right code.
  socket.on('error', () => undefined);
  socket.once('close', (code, reason) => {
    clearInterval(pings);
    closed(code || CloseCode.InternalServerError, String(reason)).catch((error: unknown) => log.error({ err: error }, 'a socket could not be closed cleanly'));
  });
}
