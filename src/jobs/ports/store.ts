/** What the core needs of its store and its feed. `src/db/` fits these to PostgreSQL. */
import type { GateStore } from '../model/admission-gate.ts';
import type { Failure, Job, JobState, Label, MotionMode, Move, SettledBy, Video } from '../model/job.ts';
import type { ChangeReader } from '../model/snapshot.ts';
import type { Timeline, Verdict } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';

/** Why another core does not let a job be accepted. */
export interface Refusal {
  readonly code: 'QUOTA_EXHAUSTED';
  /** Jobs that are left. */
  readonly remaining: number;
}

/**
 * What another core adds to the accept transaction; it uses only `tx`, never the network. With a refusal all of the
 * transaction is rolled back.
 */
export type AcceptEffect = (tx: Transaction, job: Job) => Promise<Refusal | null>;
/** The same for the transaction in which a job reaches an end. */
export type SettleEffect = (tx: Transaction, job: Job) => Promise<void>;

export type NewJob = Pick<
  Job,
  'id' | 'accountId' | 'upstreamId' | 'sandbox' | 'input' | 'labels' | 'idempotencyKey' | 'inputHash'
> &
  Partial<Pick<Job, 'webhook'>>;

/**
 * What a move or an amendment writes beside the state. Absent fields stay as they are; durations count from the
 * database's now.
 */
export interface JobPatch {
  readonly taskId?: string;
  readonly video?: Video | null;
  readonly failure?: Failure | null;
  readonly settledBy?: SettledBy;
  /** Begins this attempt: sets its number and time, and the lease of its submitter, whose token is its own. */
  readonly begins?: { readonly attempt: number; readonly leaseMs: number; readonly leaseToken: string };
  /** The upstream is known to have taken the job; the first time counts. */
  readonly submitted?: true;
  readonly completed?: true;
  readonly cancelRequested?: true;
  /** One more suspicion. */
  readonly suspected?: true;
  /** When to ask the upstream next; never when null. */
  readonly nextPollAt?: Date | null;
}

export interface JobFilter {
  readonly ids?: readonly string[];
  readonly states?: readonly JobState[];
  readonly modes?: readonly MotionMode[];
  /** All of them must be on the job. */
  readonly labels?: readonly Label[];
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
}

/** A place in the list of an account's jobs, newest first. */
export interface ListPosition {
  readonly createdAt: Date;
  readonly id: string;
}

/** Reads on behalf of a client. Every one names the account. */
export interface JobReader {
  find(accountId: string, jobId: string): Promise<Job | null>;
  list(accountId: string, filter: JobFilter, after: ListPosition | null, limit: number): Promise<Job[]>;
}

/**
 * The writes of a job's life. `advance` and `amend` raise the version and wake watchers when the transaction commits.
 */
export interface JobWriter {
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** The same with a job whose row is locked from the beginning, null when there is none. It saves a round trip. */
  transactionOn<T>(jobId: string, work: (tx: Transaction, job: Job | null) => Promise<T>): Promise<T>;
  /** Null when the account has used the idempotency key before. */
  insert(tx: Transaction, job: NewJob): Promise<Job | null>;
  findByKey(tx: Transaction, accountId: string, idempotencyKey: string): Promise<Job | null>;
  /** Reads the row and keeps others from writing it until the transaction ends. */
  lock(tx: Transaction, jobId: string): Promise<Job | null>;
  /** The same for a client, if the job is the account's. */
  lockOwn(tx: Transaction, accountId: string, jobId: string): Promise<Job | null>;
  /**
   * The one statement that writes a state. Null when `permits` would have said no: too late or repeated. Rejects with
   * `TaskTakenError`, as `amend` does, for a task id that another job of the upstream has.
   */
  advance(tx: Transaction, jobId: string, move: Move, patch: JobPatch): Promise<Job | null>;
  /** Same state, better knowledge. */
  amend(tx: Transaction, jobId: string, patch: JobPatch): Promise<Job | null>;
  /** Has the job polled in `inMs`, or earlier if that is due already. Nothing that a client can see changes. */
  pollWithin(tx: Transaction, jobId: string, inMs: number): Promise<void>;
}

interface Callback {
  readonly jobId: string;
  readonly attempt: number;
  readonly taskId: string | null;
  readonly bodyHash: string;
  readonly body: string;
  readonly verdict: Verdict;
}

export interface Inbox {
  /**
   * Null when the same body of the same job is already kept, or 100 others are; else whether a claim of the job, of
   * whatever task, waits to be judged.
   */
  keep(tx: Transaction, callback: Callback): Promise<{ readonly anotherPends: boolean } | null>;
  /** Leaves a claim that is kept to a look-up after all. */
  leavePending(tx: Transaction, jobId: string, bodyHash: string): Promise<void>;
  /**
   * Task ids that callbacks of these jobs claimed and no look-up has judged yet; at most 10 of a job, others another
   * time.
   */
  pendingClaims(jobIds: readonly string[]): Promise<readonly { readonly jobId: string; readonly taskId: string }[]>;
  judge(tx: Transaction, jobId: string, taskId: string, verdict: Verdict): Promise<void>;
}

/** Idempotency keys whose jobs were deleted. */
export interface SpentKeys {
  findSpentKey(
    tx: Transaction,
    accountId: string,
    idempotencyKey: string,
  ): Promise<{ readonly inputHash: string } | null>;
}

/** Work to be done at an upstream, whoever's it is. */
export interface WorkQueue {
  /** Jobs whose submitter let its lease run out. */
  expiredLeases(upstreamId: string, limit: number): Promise<readonly Job[]>;
  /**
   * Jobs past their deadline: up to `limit` of those that were attempted, and up to `limit` of those that wait in the
   * queue.
   */
  overdue(upstream: UpstreamName, limits: OverdueLimits, limit: number): Promise<readonly OverdueJob[]>;
  /**
   * Takes up to `limit` jobs that are due for a look-up and pushes their next poll `leaseMs` ahead, so that no other
   * instance asks too.
   */
  claimPolls(upstreamId: string, limit: number, leaseMs: number): Promise<readonly PollableJob[]>;
  /**
   * Counts that work on what is known of the job begins, and says how often it has begun without coming to an end, this
   * time included.
   */
  beginWork(jobId: string): Promise<number>;
  /** Takes back `count` of the times that work has begun. */
  forgetAttempts(jobId: string, count: number): Promise<void>;
  /** Resets the count of work attempts, because the work on the job is complete. `releasePoll` resets it too. */
  endWork(tx: Transaction, jobId: string): Promise<void>;
  /** Asks no more about the job; its deadline ends it. */
  setAside(jobId: string): Promise<void>;
  /**
   * Ends the lease of a poll, and the work that had begun: the next one comes in `inMs`, never when null, unless
   * somebody has asked for an earlier one meanwhile.
   */
  releasePoll(tx: Transaction, poll: PollableJob, inMs: number | null, taskMissing: boolean): Promise<void>;
}

/** What the gateway knows from its own past. */
export interface History {
  /**
   * How the newest `limit` successes since `since` became known, newest first: by polling without any callback, or not.
   */
  recentSuccesses(upstreamId: string, since: Date, limit: number): Promise<readonly { readonly uncalled: boolean }[]>;
  /** How long tasks took from the attempt to the end, over the newest 200 successes of each mode; empty without any. */
  durations(upstreamId: string): Promise<readonly ModeDurations[]>;
  /**
   * Places in the queue, the first being 1 and 1,000 standing for all from there on; jobs that are not queued are
   * absent.
   */
  queuePositions(queued: readonly Pick<Job, 'id' | 'accountId'>[]): Promise<ReadonlyMap<string, number>>;
}

export interface ModeDurations {
  readonly mode: MotionMode;
  readonly medianMs: number;
  /** Of 20 tasks 19 took at most this long. */
  readonly p95Ms: number;
}

export interface UpstreamName {
  readonly id: string;
  readonly sandbox: boolean;
}

/**
 * Ages, ms: of an attempt since it began, and of a job in the queue since it was accepted. `other` is for jobs of
 * another upstream than the caller's.
 */
interface OverdueLimits {
  readonly jobMs: number;
  readonly queueMs: number;
  readonly otherJobMs: number;
  readonly otherQueueMs: number;
}

export interface OverdueJob {
  readonly job: Job;
  readonly reason: 'attempt' | 'queue' | 'upstreamChanged';
  /** The last look-up did not find its task. */
  readonly taskMissing: boolean;
}

export interface PollableJob {
  readonly job: Job;
  /** Since the attempt began, by the database's clock. */
  readonly ageMs: number;
  /** What the lease set the next poll to. */
  readonly leasedUntil: Date;
}

export type JobStore = JobReader &
  JobWriter &
  Timeline &
  SpentKeys &
  Inbox &
  GateStore &
  WorkQueue &
  History &
  ChangeReader;

/**
 * "Job X of account Y changed." Carries no data: the row is the truth, and a missed wake-up costs time, never an
 * update.
 */
export interface Feed {
  /** Calls `listener` for each change, and `onGap` when changes may have been missed. Returns how to stop. */
  subscribe(listener: (jobId: string, version: number, accountId: string) => void, onGap: () => void): () => void;
}

/** Structured logging: fields first, then a sentence. `error` is for what an operator must look at. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
