/** The work that other cores do within the transactions that accept, process and settle a job. */
import type { Job } from '../model/job.ts';
import type { Transaction } from '../../transaction.ts';

/** The reason why another core refuses to accept a job. */
export interface Refusal {
  readonly code: 'QUOTA_EXHAUSTED';
  /** Number of jobs left. */
  readonly remaining: number;
}

/**
 * The work that another core adds to the accept transaction. It uses only `tx`, never the network. A refusal rolls back
 * the whole transaction.
 */
export type AcceptEffect = (tx: Transaction, job: Job) => Promise<Refusal | null>;

/** The same for the transaction in which a job ends or moves to PROCESSING. */
export type SettleEffect = (tx: Transaction, job: Job) => Promise<void>;
