/** Looking on at answers: whether one was written whole, and whether its connection was reset soon after. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Joining } from '../../jobs/joining.ts';

export interface Following {
  /** The answer is the job's own failure: asking for it again does not keep it joinable for longer. */
  saysFailure: boolean;
}

/** Records what becomes of the answer about this job that goes by this response. */
export type FollowAnswer = (jobId: string, response: ServerResponse, gone: AbortSignal) => Following;

/** `resetMs` is how long after an answer a reset of its connection means that it did not arrive. */
export function createFollowAnswer(server: Server, joining: Pick<Joining, 'ended'>, resetMs: number): FollowAnswer {
  const watched = new WeakMap<Socket, () => void>();
  // Who asks for something else by the same connection has read the answer before.
  server.on('request', ({ socket }: IncomingMessage) => watched.get(socket)?.());

  function watchForReset(jobId: string, socket: Socket): void {
    const stop = (): void => {
      clearTimeout(timer);
      socket.off('close', onClose);
      watched.delete(socket);
    };
    const onClose = (hadError: boolean): void => {
      stop();
      if (hadError) joining.ended(jobId, 'UNANSWERED');
    };
    const timer = setTimeout(stop, resetMs).unref();
    watched.get(socket)?.();
    watched.set(socket, stop);
    socket.on('close', onClose);
    if (socket.closed) onClose(socket.errored !== null);
  }

  return (jobId, response, gone) => {
    const following: Following = { saysFailure: false };
    // Taken now: a response that is finished has let go of it.
    const { socket } = response;
    let written = false;
    const onClose = (): void => {
      if (!written || response.statusCode >= 500) return joining.ended(jobId, 'UNANSWERED', !following.saysFailure);
      joining.ended(jobId, 'ANSWERED');
      if (socket) watchForReset(jobId, socket);
    };
    if (gone.aborted) joining.ended(jobId, 'UNANSWERED');
    // Node tells `finish` too when the rest of an answer was dropped with its connection; that one is destroyed by then.
    else response.once('finish', () => (written = socket?.destroyed === false)).once('close', onClose);
    return following;
  };
}
