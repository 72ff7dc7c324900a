/** Why nothing was answered. */
export type FailureReason =
  /** The URL's host, or an address that it resolves to, is not public and not allowed. Nothing was sent. */
  | 'BLOCKED'
  /** What `check` refuses for another reason. Nothing was sent. */
  | 'INVALID_URL'
  /** The name has no address. Nothing was sent. */
  | 'NOT_RESOLVED'
  /** No address could be connected to. Nothing was sent. */
  | 'NOT_CONNECTED'
  /** TLS did not come about, or the certificate is not that of the host. Nothing was sent. */
  | 'TLS'
  /**
   * All connections to the host were in use for twice as long as one may take. Nothing was sent, and nothing is known
   * against the receiver.
   */
  | 'BUSY'
  /** The time was over. The request may have arrived. */
  | 'TIMED_OUT'
  /** The connection ended before an answer, or what came is not HTTP. The request may have arrived. */
  | 'RESET'
  /** Given up by the caller's signal or by `stop`. The request may have arrived. */
  | 'STOPPED';

export class EgressFailure extends Error {
  override readonly name = 'EgressFailure';

  constructor(readonly reason: FailureReason) {
    super(reason);
  }
}
