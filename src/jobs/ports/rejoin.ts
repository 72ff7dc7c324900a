/** The records of REST requests and of the delivery of their answers. */
import type { Transaction } from '../../transaction.ts';

/** The properties that a repeat shares with the request that it repeats. */
export interface Likeness {
  readonly keyId: string;
  /** Hash of the body in a canonical form. */
  readonly bodyHash: string;
}

/** The request as the client sent it. It is kept as long as its job. */
export interface SentRequest {
  readonly body: string;
  readonly traceId: string;
}

/** `OPEN` while the connection for the answer is open; afterward, whether an answer arrived, as far as is known. */
export type AnswerState = 'OPEN' | 'ANSWERED' | 'UNANSWERED';

/** The connection on which a request waits for its answer. */
interface OpenConnection {
  readonly jobId: string;
  /** The instance to which the client is connected. */
  readonly instanceId: string;
  /** When the connection was last known to be open, by the database's clock. */
  readonly openAtMs: number;
}

export interface RejoinStore {
  /**
   * Returns the matching requests that are not known to have been answered, newest first, and the database's time.
   * Until `tx` ends, other calls with the same likeness wait.
   */
  findEarlier(
    tx: Transaction,
    likeness: Likeness,
    maxAgeMs: number,
  ): Promise<{ readonly nowMs: number; readonly earlier: readonly EarlierRequest[] }>;
  /** Records a request together with the connection over which it arrived. */
  recordOpen(tx: Transaction, likeness: Likeness, connection: OpenConnection): Promise<void>;
  /**
   * Reopens a request that has not been answered, before this instance writes an answer to it. That answer then
   * determines the state of the request. Until then its connection counts as open as of `openAtMs`, by the database's
   * clock.
   */
  reopen(jobId: string, instanceId: string, openAtMs: number): Promise<void>;
  /**
   * Records that the request was repeated and that the repeat is held. The time in which the request can be joined
   * starts at the end of the hold.
   */
  extendJoinTime(jobId: string, holdMs: number): Promise<void>;
  recordSent(tx: Transaction, jobId: string, sent: SentRequest): Promise<void>;
  /** Returns the sent requests of those given jobs that belong to the account. */
  findSent(accountId: string, jobIds: readonly string[]): Promise<ReadonlyMap<string, SentRequest>>;
  /** Returns null for a job that did not arrive over REST. */
  findTraceId(tx: Transaction, jobId: string): Promise<string | null>;
  /** Asks the instances of these requests whether the connections are open, unless that question is already pending. */
  ask(jobIds: readonly string[]): Promise<void>;
  /** Returns the requests at this instance for which that question is pending, and the database's time. */
  findAsked(instanceId: string): Promise<{ readonly nowMs: number; readonly jobIds: readonly string[] }>;
  /** Confirms that the connections of these requests were open at `atMs`, by the database's clock. */
  confirmOpen(jobIds: readonly string[], atMs: number): Promise<void>;
  /**
   * Records that the answers to these requests were written at `writtenAtMs` or later, by the database's clock, and
   * that nothing shows whether they arrived. The requests count as unanswered for `unansweredAgoMs` already, so they
   * can be joined for a shorter time. Requests that arrived before the answer was written cannot join them.
   */
  recordDoubts(
    instanceId: string,
    jobIds: readonly string[],
    writtenAtMs: number,
    unansweredAgoMs: number,
  ): Promise<void>;
  /**
   * Records whether the answers arrived. With `renew`, the time to join starts now even for requests that were already
   * unanswered. A request that another instance has answered stays answered.
   */
  recordAnswers(
    instanceId: string,
    jobIds: readonly string[],
    state: Exclude<AnswerState, 'OPEN'>,
    renew: boolean,
  ): Promise<void>;
  /** Deletes up to `limit` records older than `maxAgeMs`, oldest first, and resolves with the number deleted. */
  forgetRequests(maxAgeMs: number, limit: number): Promise<number>;
}

export interface EarlierRequest {
  readonly jobId: string;
  readonly state: 'OPEN' | 'UNANSWERED';
  /** How long the request has been UNANSWERED; null if it is not. */
  readonly unansweredForMs: number | null;
  /** When its answer was written, by the database's clock, if nothing shows whether it arrived; null otherwise. */
  readonly doubtfulSinceMs: number | null;
  /**
   * How long the question whether the connection is open has been pending at its instance; null if it is not pending.
   */
  readonly askedForMs: number | null;
  /** When the connection was last known to be open, by the database's clock. */
  readonly openAtMs: number;
}
