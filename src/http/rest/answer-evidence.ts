/**
 * Derives from the events on a connection whether the answer that was written to it has arrived. Pure functions.
 *
 * The kernel of the peer responds to data for a closed connection with a reset (RST), and closes with a reset instead
 * of a FIN if received data was left unread. A FIN that is not followed by a reset therefore shows that the peer has
 * read everything, provided that the answer had time to reach the peer and a reset had time to come back.
 */

/** Events on the connection, in the order in which the gateway sees them. */
export type Sight =
  /** The kernel has accepted the last byte of the answer, and the connection was open in both directions. */
  | 'answerWritten'
  /**
   * A request arrived after the answer was written, from a client that has never sent a request before it received the
   * answer to the previous one.
   */
  | 'nextRequest'
  /**
   * A request from a client that pipelines. It shows nothing, because the client may have sent it before it read the
   * answer.
   */
  | 'pipelinedRequest'
  /** The peer's FIN. */
  | 'peerClosed'
  /** The peer's RST, or another error of the connection. */
  | 'reset'
  /** The gateway closed the connection and can no longer observe it. */
  | 'weClosed'
  /** `REST_CLOSE_SECONDS` have passed since the answer, and no reset has come. */
  | 'settled'
  /** `REST_RESET_SECONDS` have passed since the answer. */
  | 'watchEnded';

/** The knowledge about an answer. The first four states can still change; the others are final. */
export type Progress =
  /** The answer has not been written yet. */
  | 'HELD'
  | 'WRITTEN'
  /** The peer has closed, and it is not yet known whether a reset follows. */
  | 'CLOSING'
  /** The answer reached an open connection. The peer may still close without having read it, which shows as a reset. */
  | 'SETTLED'
  | Verdict;

/** `DOUBTFUL`: there is no evidence of whether the answer arrived, and there will be none. */
export type Verdict = 'ANSWERED' | 'UNANSWERED' | 'DOUBTFUL';

/** The transitions between states. An event that is not listed for a state does not change it. */
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
 * Returns the state after an event. Behind a proxy, the same events show only that the proxy has the answer. It remains
 * in doubt whether the client received it, and a longer watch would not show it.
 */
export function nextProgress(progress: Progress, sight: Sight, proxied: boolean): Progress {
  if (isVerdict(progress)) return progress;
  const next = progressAfter[progress][sight] ?? progress;
  return proxied && (next === 'ANSWERED' || next === 'SETTLED') ? 'DOUBTFUL' : next;
}
