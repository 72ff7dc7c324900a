/** The writes over the life of a job. */
import type { Failure, Job, Move, SettledBy, Video } from '../model/job.ts';
import type { Transaction } from '../../transaction.ts';

export type NewJob = Pick<
  Job,
  'id' | 'accountId' | 'upstreamId' | 'sandbox' | 'input' | 'labels' | 'idempotencyKey' | 'inputHash'
> &
  Partial<Pick<Job, 'webhook'>>;

/**
 * The fields that a move or an amendment writes in addition to the state. Absent fields stay unchanged. Durations count
 * from the database's current time.
 */
export interface JobPatch {
  readonly taskId?: string;
  readonly video?: Video | null;
  readonly failure?: Failure | null;
  readonly settledBy?: SettledBy;
  /** Begins an attempt: sets its number, its start time, and the lease of its submitter with a unique token. */
  readonly begins?: { readonly attempt: number; readonly leaseMs: number; readonly leaseToken: string };
  /** True if the upstream is known to have taken the job; only the first time is recorded. */
  readonly submitted?: true;
  readonly completed?: true;
  readonly cancelRequested?: true;
  /** Adds one to the job's suspicions. */
  readonly suspected?: true;
  /** When to poll the upstream next; null stops polling. */
  readonly nextPollAt?: Date | null;
}

/**
 * The writes over the life of a job. `writeMove` and `amend` increment the version, and wake watchers when the
 * transaction commits.
 */
export interface JobWriter {
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Like `transaction`, but first locks the job's row and saves a round trip. `job` is null if it does not exist. */
  transactionOn<T>(jobId: string, work: (tx: Transaction, job: Job | null) => Promise<T>): Promise<T>;
  /** Returns null if the account has already used the idempotency key. */
  insert(tx: Transaction, job: NewJob): Promise<Job | null>;
  findByKey(tx: Transaction, accountId: string, idempotencyKey: string): Promise<Job | null>;
  /** Reads the row and locks it against other writers until the transaction ends. */
  lock(tx: Transaction, jobId: string): Promise<Job | null>;
  /** Like `lock`, for a client: returns null if the job does not belong to the account. */
  lockOwn(tx: Transaction, accountId: string, jobId: string): Promise<Job | null>;
  /**
   * Makes a move; the only statement that writes a state. Returns null if `permits` would return false, because the
   * move is too late or repeated. Like `amend`, rejects with `TaskTakenError` if another job of the upstream has the
   * task id. Only `src/jobs/settle` calls it, so that no end of a job bypasses the effects of other cores.
   */
  writeMove(tx: Transaction, jobId: string, move: Move, patch: JobPatch): Promise<Job | null>;
  /** Updates what is known about the job and leaves the state unchanged. */
  amend(tx: Transaction, jobId: string, patch: JobPatch): Promise<Job | null>;
  /** Schedules a poll of the job in `inMs`, unless an earlier one is already scheduled. Clients see no change. */
  pollWithin(tx: Transaction, jobId: string, inMs: number): Promise<void>;
}
