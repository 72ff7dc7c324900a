/** Watches what happens to an answer on its connection, until there is evidence whether it arrived. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Joining } from '../../jobs/rejoin/rejoin.ts';
import { isVerdict, nextProgress, type Progress, type Sight, type Verdict } from './answer-evidence.ts';
import type { ProxyCheck } from '../proxied.ts';
import { holdClose, type HeldClose } from './hold-close.ts';

export interface Following {
  /** The answer is the job's own failure: asking for it again does not keep it joinable for longer. */
  saysFailure: boolean;
  /** The answer says nothing of the job, such as that the key has ended meanwhile: it counts as none. */
  saysNothing: boolean;
  /**
   * The client has gone without an answer, and that is recorded. The request must not be recorded as open after that.
   */
  isUnanswered: boolean;
}

/** Records what becomes of the answer about this job that goes by this response. */
export type FollowAnswer = (jobId: string, response: ServerResponse, gone: AbortSignal) => Following;

export interface AnswerWatch {
  /** To be called for every request that arrives, in any route, before it is handled. */
  noteRequest(request: IncomingMessage, response: ServerResponse): void;
  readonly followAnswer: FollowAnswer;
}

export interface WatchTimes {
  /** A reset that follows an answer to a client that has hung up comes within this time. */
  readonly closeMs: number;
  /** For so long after an answer a reset means that it was not read. */
  readonly resetMs: number;
}

/**
 * TCP keep-alive: the kernel notices a client that vanished without closing this long after the last sign of life, plus
 * ten seconds of probes.
 */
const KEEP_ALIVE_MS = 30_000;

interface Connection {
  /** Requests whose responses are not finished. */
  pending: number;
  /** Has sent a request before it had the answer to the one before. */
  pipelines: boolean;
  readonly watches: Set<(sight: Sight) => void>;
}

export function createAnswerWatch(
  joining: Pick<Joining, 'ended' | 'stopConfirming'>,
  times: WatchTimes,
  cameByProxy: ProxyCheck,
): AnswerWatch {
  const connections = new WeakMap<Socket, Connection>();

  const tell = ({ watches }: Connection, sight: Sight): void => watches.forEach((see) => see(sight));

  function connectionOf(socket: Socket): Connection {
    const known = connections.get(socket);
    if (known) return known;
    const connection: Connection = { pending: 0, pipelines: false, watches: new Set() };
    connections.set(socket, connection);
    socket
      .on('end', () => tell(connection, 'peerClosed'))
      .on('close', (hadError) => tell(connection, hadError ? 'reset' : 'weClosed'));
    return connection;
  }

  function noteRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = connectionOf(request.socket);
    if (connection.pending > 0) connection.pipelines = true;
    connection.pending += 1;
    response.once('close', () => (connection.pending -= 1));
    tell(connection, connection.pipelines ? 'pipelinedRequest' : 'nextRequest');
  }

  /** From the moment in which the answer was written. */
  function watch(jobId: string, socket: Socket, connection: Connection, proxied: boolean): void {
    const writtenAt = performance.now();
    let progress: Progress = nextProgress('HELD', 'answerWritten', proxied);
    // A client that pipelines may wait for another answer: its FIN ends that request at once.
    const held: HeldClose | null = connection.pipelines ? null : holdClose(socket);
    const settle = (): void => {
      if (socket.destroyed) return;
      if (progress !== 'CLOSING' || !held) return see('settled');
      // The FIN hides a reset that follows it from readers, but not from a write, even of nothing.
      socket.write('', (error) => error ?? see('settled'));
    };
    const timers = [
      setTimeout(settle, times.closeMs).unref(),
      setTimeout(() => see('watchEnded'), Math.max(times.closeMs, times.resetMs)).unref(),
    ];

    function see(sight: Sight): void {
      const before = progress;
      progress = nextProgress(progress, sight, proxied);
      if (progress === before) return;
      if (progress === 'CLOSING') joining.stopConfirming(jobId);
      if (progress === 'SETTLED') held?.halfClose();
      if (isVerdict(progress)) conclude(progress);
    }
    function conclude(verdict: Verdict): void {
      timers.forEach(clearTimeout);
      connection.watches.delete(see);
      held?.close();
      joining.ended(jobId, verdict, { writtenAt });
    }

    connection.watches.add(see);
    // That a proxy keeps its connection open does not show that its client is there.
    if (proxied) joining.stopConfirming(jobId);
  }

  const followAnswer: FollowAnswer = (jobId, response, gone) => {
    const following: Following = { saysFailure: false, saysNothing: false, isUnanswered: false };
    // Not the response's own socket: a response that waits behind another one of the connection has none yet.
    const { socket } = response.req;
    if (gone.aborted || socket.destroyed) {
      following.isUnanswered = true;
      joining.ended(jobId, 'UNANSWERED');
      return following;
    }
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    let written = false;
    const onFinish = (): void => {
      // Node emits `finish` too when the rest of an answer was dropped with its connection. A FIN before the answer is
      // a client that hung up.
      if (socket.destroyed || socket.readableEnded || response.statusCode >= 500 || following.saysNothing) return;
      written = true;
      // A client that claims to be a proxy only has its own repeats joined for longer.
      watch(jobId, socket, connectionOf(socket), cameByProxy(response.req));
    };
    const onClose = (): void => {
      socket.off('close', onClose);
      if (written || following.isUnanswered) return;
      following.isUnanswered = true;
      joining.ended(jobId, 'UNANSWERED', { renew: !following.saysFailure });
    };
    // Before Node's own listener, which closes the connection.
    response.prependOnceListener('finish', onFinish).once('close', onClose);
    // Node 20 does not close a response that still waits behind another one when its connection ends.
    socket.once('close', onClose);
    return following;
  };
  return { noteRequest, followAnswer };
}
