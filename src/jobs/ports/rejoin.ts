/** The records of REST requests and of what became of their answers. */
import type { Transaction } from '../../transaction.ts';

/** What a repeat has in common with the request that it repeats. */
export interface Likeness {
  readonly keyId: string;
  /** Of the body in a canonical form. */
  readonly bodyHash: string;
}

/** What a client sent. It lives as long as its job. */
export interface SentRequest {
  readonly body: string;
  readonly traceId: string;
}

/** `OPEN` while the connection of the answer is open; then whether an answer arrived, as far as we can know. */
export type AnswerState = 'OPEN' | 'ANSWERED' | 'UNANSWERED';

export interface JoinStore {
  /**
   * Requests like this one that are not known to be answered, newest first, and the database's time; whoever asks for
   * the same then waits for the end of `tx`.
   */
  findEarlier(
    tx: Transaction,
    likeness: Likeness,
    maxAgeMs: number,
  ): Promise<{ readonly nowMs: number; readonly earlier: readonly EarlierRequest[] }>;
  /** Records a request whose connection was open at this instance at `openAtMs`, by the database's time. */
  recordOpen(tx: Transaction, jobId: string, likeness: Likeness, instanceId: string, openAtMs: number): Promise<void>;
  /**
   * The answer that is about to be written at this instance decides what a request that is not answered is from now on:
   * until then its connection counts as open, as it was at `openAtMs` by the database's time.
   */
  reopen(jobId: string, instanceId: string, openAtMs: number): Promise<void>;
  /**
   * The request was repeated, and the repeat is held: the time in which it can be joined starts at the end of the hold.
   */
  extendJoinTime(jobId: string, holdMs: number): Promise<void>;
  recordSent(tx: Transaction, jobId: string, sent: SentRequest): Promise<void>;
  /** Of the account's jobs among these. */
  findSent(accountId: string, jobIds: readonly string[]): Promise<ReadonlyMap<string, SentRequest>>;
  /** Null for a job that did not come over REST. */
  findTraceId(tx: Transaction, jobId: string): Promise<string | null>;
  /** Has the instances of these requests asked whether their connections are open, unless they are asked already. */
  ask(jobIds: readonly string[]): Promise<void>;
  /** Requests at this instance that it is asked about, and the database's time. */
  findAsked(instanceId: string): Promise<{ readonly nowMs: number; readonly jobIds: readonly string[] }>;
  /** Their connections were open at `atMs`, by the database's time. */
  confirmOpen(jobIds: readonly string[], atMs: number): Promise<void>;
  /**
   * Their answers were written at `writtenAtMs` or later, by the database's time, and nothing shows whether they
   * arrived. They count as unanswered for `unansweredAgoMs` already, so that they can be joined for a shorter time, and
   * not by requests that arrived before the answer was written.
   */
  recordDoubts(
    instanceId: string,
    jobIds: readonly string[],
    writtenAtMs: number,
    unansweredAgoMs: number,
  ): Promise<void>;
  /**
   * `renew` counts the time to join from now also for what was unanswered before. What another instance has answered
   * stays answered.
   */
  recordAnswers(
    instanceId: string,
    jobIds: readonly string[],
    state: Exclude<AnswerState, 'OPEN'>,
    renew: boolean,
  ): Promise<void>;
  /** Deletes up to `limit` records that are older, the oldest first, and resolves with how many went. */
  forgetRequests(maxAgeMs: number, limit: number): Promise<number>;
}

export interface EarlierRequest {
  readonly jobId: string;
  readonly state: 'OPEN' | 'UNANSWERED';
  /** Since when it is UNANSWERED; null when it is not. */
  readonly unansweredForMs: number | null;
  /** When its answer was written, by the database's clock, if nothing shows whether it arrived; null otherwise. */
  readonly doubtfulSinceMs: number | null;
  /**
   * For how long its instance has been asked, without an answer, whether the connection is open; null when it is not
   * asked.
   */
  readonly askedForMs: number | null;
  /** When the connection was last known to be open, by the database's clock. */
  readonly openAtMs: number;
}
