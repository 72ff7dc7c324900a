/**
 * Lingering close. Node's HTTP server closes a connection as soon as an answer with `connection: close` is written, or
 * when the client closes, and then sees nothing of a reset that follows. While the close is held the connection can
 * still be read, and written to, which is what shows the reset.
 */
import { Socket } from 'node:net';

export interface HeldClose {
  /** Lets the gateway's FIN go if Node wanted to close; what the peer sends is still read. */
  halfClose(): void;
  /** Ends the holding, and closes if Node wanted to. */
  close(): void;
}

export function holdClose(socket: Socket): HeldClose {
  let wanted = false;
  let holding = true;
  const want = (): Socket => {
    wanted = true;
    return socket;
  };
  // Node's server calls these two, without arguments; the methods of the class are below them.
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
