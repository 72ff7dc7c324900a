/** Detects that a client closes its connection, so that its request can stop waiting for a slot. */
import type { FastifyReply } from 'fastify';

/** The client closed the connection while its request waited for a slot. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';
}

/** Returns a signal that aborts with a `ClientGoneError` when the connection closes. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const { raw } = reply;
  const { socket } = raw.req;
  const abort = (): void => {
    socket.off('close', abort);
    gone.abort(new ClientGoneError());
  };
  if (raw.destroyed || raw.closed || socket.destroyed) abort();
  raw.once('close', abort);
  // When a connection ends, Node 20 does not close a response that is still queued behind another one.
  socket.once('close', abort);
  return gone.signal;
}
