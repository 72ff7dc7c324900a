/**
 * What a connection shows of the answer that was written to it, and what follows from that. Pure.
 *
 * The kernel of the peer answers data for a closed connection with a reset (RST), and closes with a reset instead of a
 * FIN when data was left unread. A FIN that no reset follows therefore shows that the peer has read everything,
 * provided that the answer had the time to reach the peer and a reset had the time to come back.
 */

/** What happens on the connection, in the order in which the gateway sees it. */
export type Sight =
  /** The kernel took the last byte of the answer, and the connection was open in both directions. */
  | 'answerWritten'
  /**
   * A request arrived after the answer was written, from a client that has never sent a request before it had the
   * answer to the one before.
   */
  | 'nextRequest'
  /**
   * A request from a client that pipelines: it shows nothing, the client may have sent it before it read the answer.
   */
  | 'pipelinedRequest'
  /** The peer's FIN. */
  | 'peerClosed'
  /** The peer's RST, or another error of the connection. */
  | 'reset'
  /** The gateway closed the connection and sees nothing more of it. */
  | 'weClosed'
  /** `REST_CLOSE_SECONDS` have passed since the answer, and no reset has come. */
  | 'settled'
  /** `REST_RESET_SECONDS` have passed since the answer. */
  | 'watchEnded';

/** What is known about an answer. The first four states wait for more; the others are final. */
export type Progress =
  /** The answer is not written. */
  | 'HELD'
  | 'WRITTEN'
  /** The peer has closed, and it is not known yet whether a reset follows. */
  | 'CLOSING'
  /** The answer reached an open connection. The peer may still close without having read it, which shows as a reset. */
  | 'SETTLED'
  | Verdict;

/** `DOUBTFUL`: nothing shows whether the answer arrived, and nothing more will. */
export type Verdict = 'ANSWERED' | 'UNANSWERED' | 'DOUBTFUL';

/** What is not listed changes nothing. */
const progressAfter: Readonly<Record<'HELD' | 'WRITTEN' | 'CLOSING' | 'SETTLED', Partial<Record<Sight, Progress>>>> = {
  HELD: { answerWritten: 'WRITTEN', peerClosed: 'UNANSWERED', reset: 'UNANSWERED', weClosed: 'UNANSWERED' },
  WRITTEN: {
    nextRequest: 'ANSWERED',
    peerClosed: 'CLOSING',
    reset: 'UNANSWERED',
    weClosed: 'DOUBTFUL',
    settled: 'SETTLED',
  },
  CLOSING: { reset: 'UNANSWERED', weClosed: 'DOUBTFUL', settled: 'ANSWERED' },
  SETTLED: {
    nextRequest: 'ANSWERED',
    peerClosed: 'ANSWERED',
    reset: 'UNANSWERED',
    weClosed: 'ANSWERED',
    watchEnded: 'ANSWERED',
  },
};

export const isVerdict = (progress: Progress): progress is Verdict =>
  progress === 'ANSWERED' || progress === 'UNANSWERED' || progress === 'DOUBTFUL';

/**
 * Behind a proxy the same sights show that the proxy has the answer. Whether the client got it remains in doubt, and a
 * longer watch would not show it.
 */
export function nextProgress(progress: Progress, sight: Sight, proxied: boolean): Progress {
  if (isVerdict(progress)) return progress;
  const next = progressAfter[progress][sight] ?? progress;
  return proxied && (next === 'ANSWERED' || next === 'SETTLED') ? 'DOUBTFUL' : next;
}
