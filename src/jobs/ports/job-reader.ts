/** Reads on behalf of a client. */
import type { Job, JobState, Label, MotionMode } from '../model/job.ts';

export interface JobFilter {
  readonly ids?: readonly string[];
  readonly states?: readonly JobState[];
  readonly modes?: readonly MotionMode[];
  /** The job must have all of these labels. */
  readonly labels?: readonly Label[];
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
}

/** A position in the list of an account's jobs, newest first. */
export interface ListPosition {
  readonly createdAt: Date;
  readonly id: string;
}

/** Reads on behalf of a client. Every read names the account. */
export interface JobReader {
  find(accountId: string, jobId: string): Promise<Job | null>;
  list(accountId: string, filter: JobFilter, after: ListPosition | null, limit: number): Promise<Job[]>;
}
