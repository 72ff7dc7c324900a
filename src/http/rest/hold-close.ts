/**
 * Lingering close. Node's HTTP server closes a connection when the client closes, or as soon as it has written a
 * response with `connection: close`. After that, it cannot observe a reset. While the close is held back, the
 * connection can still be read and written, which reveals a reset.
 */
import { Socket } from 'node:net';

export interface HeldClose {
  /** Sends the gateway's FIN if Node wanted to close; data from the peer is still read. */
  halfClose(): void;
  /** Stops holding the close back, and closes the connection if Node wanted to. */
  close(): void;
}

export function holdClose(socket: Socket): HeldClose {
  let wanted = false;
  let holding = true;
  const want = (): Socket => {
    wanted = true;
    return socket;
  };
  // Node's server calls these two without arguments. They shadow the methods of the class.
  socket.end = want;
  socket.destroySoon = want;
  const letGo = (): void => {
    if (!holding) return;
    holding = false;
    socket.end = Socket.prototype.end;
    socket.destroySoon = Socket.prototype.destroySoon;
  };
  return {
    halfClose() {
      letGo();
      if (wanted) socket.end();
    },
    close() {
      letGo();
      if (wanted) socket.destroySoon();
    },
  };
}
