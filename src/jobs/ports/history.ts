/** What the finished jobs tell: how results became known, and how long tasks take. */
import type { Job, MotionMode } from '../model/job.ts';

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
