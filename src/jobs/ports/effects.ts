/** What other cores do within the transactions that accept, process and settle a job. */
import type { Job } from '../model/job.ts';
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
