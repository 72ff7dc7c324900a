/** Due work: expired leases, look-ups and deadlines. */
import type { Job } from '../model/job.ts';
import type { Transaction } from '../../transaction.ts';
import type { UpstreamName } from '../model/upstream-news.ts';

/** Due work at an upstream, for all accounts. */
export interface WorkQueue {
  /** Returns jobs whose submitter let its lease expire. */
  expiredLeases(upstreamId: string, limit: number): Promise<readonly Job[]>;
  /** Returns jobs past their deadline: up to `limit` that were attempted, and up to `limit` that are queued. */
  overdue(upstream: UpstreamName, limits: OverdueLimits, limit: number): Promise<readonly OverdueJob[]>;
  /**
   * Claims up to `limit` jobs that are due for a look-up. Postpones their next poll to `leaseMs` from now, so that no
   * other instance polls them too.
   */
  claimPolls(upstreamId: string, limit: number, leaseMs: number): Promise<readonly PollableJob[]>;
  /**
   * Counts the start of work on the job. Resolves with the number of starts that were not followed by completion,
   * including this one.
   */
  beginWork(jobId: string): Promise<number>;
  /** Subtracts `count` from the count of work attempts. */
  forgetAttempts(jobId: string, count: number): Promise<void>;
  /** Resets the count of work attempts, because the work on the job is complete. `releasePoll` resets it too. */
  endWork(tx: Transaction, jobId: string): Promise<void>;
  /** Stops polling the job; its deadline ends it. */
  setAside(jobId: string): Promise<void>;
  /**
   * Ends the lease of a poll and the work in progress. The next poll follows in `inMs`, or never if null, unless an
   * earlier poll has been requested in the meantime.
   */
  releasePoll(tx: Transaction, poll: PollableJob, inMs: number | null, taskMissing: boolean): Promise<void>;
}

/**
 * Ages in ms: of an attempt since it began, and of a queued job since it was accepted. `other` is for jobs of an
 * upstream other than the caller's.
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
  /** True if the last look-up did not find the job's task. */
  readonly taskMissing: boolean;
}

export interface PollableJob {
  readonly job: Job;
  /** Time since the attempt began, or without one since the acceptance, by the database's clock. */
  readonly ageMs: number;
  /** The next poll time that the lease set. */
  readonly leasedUntil: Date;
}
