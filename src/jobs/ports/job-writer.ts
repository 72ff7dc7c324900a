/** The writes of a job's life. */
import type { Failure, Job, Move, SettledBy, Video } from '../model/job.ts';
import type { Transaction } from '../../transaction.ts';

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
