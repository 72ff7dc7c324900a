/** Watches the connection of an answer until there is evidence of whether the answer arrived. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Rejoin } from '../../jobs/rejoin/rejoin.ts';
import { isVerdict, nextProgress, type Progress, type Sight, type Verdict } from './answer-evidence.ts';
import type { ProxyCheck } from '../proxied.ts';
import { holdClose, type HeldClose } from './hold-close.ts';

export interface Following {
  /**
   * The answer reports the failure of the job: repeating the request does not extend the time in which it can be
   * joined.
   */
  saysFailure: boolean;
  /** The answer does not report on the job, for example because the key has ended meanwhile. It counts as no answer. */
  saysNothing: boolean;
  /**
   * The client has disconnected without an answer, and this is recorded. After that, the request must not be recorded
   * as open.
   */
  isUnanswered: boolean;
}

/** Follows the answer about this job that is sent with this response, and records whether it arrived. */
export type FollowAnswer = (jobId: string, response: ServerResponse, gone: AbortSignal) => Following;

export interface AnswerWatch {
  /** Must be called for every request that arrives, on any route, before it is handled. */
  noteRequest(request: IncomingMessage, response: ServerResponse): void;
  readonly followAnswer: FollowAnswer;
}

export interface WatchTimes {
  /** The time within which a reset arrives if an answer was sent to a client that has disconnected. */
  readonly closeMs: number;
  /** The time after an answer during which a reset means that the answer was not read. */
  readonly resetMs: number;
}

/**
 * The delay of TCP keep-alive probes. The kernel detects a client that vanished without closing this long after the
 * last packet from it, plus ten seconds of probes.
 */
const KEEP_ALIVE_MS = 30_000;

interface Connection {
  /** The number of requests whose responses are not finished. */
  pending: number;
  /** The client has sent a request before it received the answer to the previous one. */
  pipelines: boolean;
  readonly watches: Set<(sight: Sight) => void>;
}

export function createAnswerWatch(
  rejoin: Pick<Rejoin, 'ended' | 'stopConfirming'>,
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

  /** Watches the connection from the moment the answer was written. */
  function watch(jobId: string, socket: Socket, connection: Connection, proxied: boolean): void {
    const writtenAt = performance.now();
    let progress: Progress = nextProgress('HELD', 'answerWritten', proxied);
    // Not held for a client that pipelines: it may be waiting for another answer, and its FIN ends that request at
    // once.
    const held: HeldClose | null = connection.pipelines ? null : holdClose(socket);
    const settle = (): void => {
      if (socket.destroyed) return;
      if (progress !== 'CLOSING' || !held) return see('settled');
      // After a FIN, reads do not reveal a reset, but a write does, even an empty one.
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
      if (progress === 'CLOSING') rejoin.stopConfirming(jobId);
      if (progress === 'SETTLED') held?.halfClose();
      if (isVerdict(progress)) conclude(progress);
    }
    function conclude(verdict: Verdict): void {
      timers.forEach(clearTimeout);
      connection.watches.delete(see);
      held?.close();
      rejoin.ended(jobId, verdict, { writtenAt });
    }

    connection.watches.add(see);
    // An open connection from a proxy does not show that the client behind it is still connected.
    if (proxied) rejoin.stopConfirming(jobId);
  }

  const followAnswer: FollowAnswer = (jobId, response, gone) => {
    const following: Following = { saysFailure: false, saysNothing: false, isUnanswered: false };
    // Not the response's own socket: a response that is queued behind another one on the connection has none yet.
    const { socket } = response.req;
    if (gone.aborted || socket.destroyed) {
      following.isUnanswered = true;
      rejoin.ended(jobId, 'UNANSWERED');
      return following;
    }
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    let written = false;
    const onFinish = (): void => {
      // Node also emits `finish` when the rest of an answer was discarded with its connection. A FIN before the answer
      // means that the client has disconnected.
      if (socket.destroyed || socket.readableEnded || response.statusCode >= 500 || following.saysNothing) return;
      written = true;
      // A client that falsely claims to be a proxy only extends the time in which its own repeats are joined.
      watch(jobId, socket, connectionOf(socket), cameByProxy(response.req));
    };
    const onClose = (): void => {
      socket.off('close', onClose);
      if (written || following.isUnanswered) return;
      following.isUnanswered = true;
      rejoin.ended(jobId, 'UNANSWERED', { renew: !following.saysFailure });
    };
    // Registered before Node's own listener, which closes the connection.
    response.prependOnceListener('finish', onFinish).once('close', onClose);
    // When a connection ends, Node 20 does not close a response that is still queued behind another one.
    socket.once('close', onClose);
    return following;
  };
  return { noteRequest, followAnswer };
}
