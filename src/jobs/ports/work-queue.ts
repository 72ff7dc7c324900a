/** Work that is due: expired leases, look-ups and deadlines. */
import type { Job } from '../model/job.ts';
import type { Transaction } from '../../transaction.ts';
import type { UpstreamName } from '../model/upstream-news.ts';

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
