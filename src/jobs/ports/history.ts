/** Statistics about jobs: how results became known, how long tasks take, and positions in the queue. */
import type { Job, MotionMode } from '../model/job.ts';

export interface History {
  /**
   * Returns the newest `limit` successes of attempts that began after `since`, newest first. `uncalled` is true if
   * polling found the result and no callback arrived.
   */
  recentSuccesses(upstreamId: string, since: Date, limit: number): Promise<readonly { readonly uncalled: boolean }[]>;
  /**
   * Returns how long tasks took from the attempt to the end, over the newest 200 successes of each mode. Modes without
   * a success are absent.
   */
  durations(upstreamId: string): Promise<readonly ModeDurations[]>;
  /** Returns positions in the queue, counted from 1; 1,000 means 1,000 or more. Jobs that are not queued are absent. */
  queuePositions(queued: readonly Pick<Job, 'id' | 'accountId'>[]): Promise<ReadonlyMap<string, number>>;
}

export interface ModeDurations {
  readonly mode: MotionMode;
  readonly medianMs: number;
  /** 95th percentile: 19 of 20 tasks took at most this long. */
  readonly p95Ms: number;
}
