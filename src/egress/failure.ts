/** The reason why there is no answer. */
export type FailureReason =
  /** The URL's host, or an address that it resolves to, is neither public nor allowed. Nothing was sent. */
  | 'BLOCKED'
  /** `check` rejects the URL for another reason. Nothing was sent. */
  | 'INVALID_URL'
  /** The name has no address. Nothing was sent. */
  | 'NOT_RESOLVED'
  /** No address accepted a connection. Nothing was sent. */
  | 'NOT_CONNECTED'
  /** The TLS handshake failed, or the certificate is not valid for the host. Nothing was sent. */
  | 'TLS'
  /**
   * All connections to the host were in use for twice the time limit of one request. Nothing was sent, and nothing
   * indicates a fault of the receiver.
   */
  | 'BUSY'
  /** The time limit was exceeded. The request may have arrived. */
  | 'TIMED_OUT'
  /** The connection ended before an answer, or the answer is not HTTP. The request may have arrived. */
  | 'RESET'
  /** Aborted by the caller's signal or by `stop`. The request may have arrived. */
  | 'STOPPED';

export class EgressFailure extends Error {
  override readonly name = 'EgressFailure';

  constructor(readonly reason: FailureReason) {
    super(reason);
  }
}
