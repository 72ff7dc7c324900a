/** Retention: deleting by age. Any number of instances may do it at once. */
import type { Log } from '../../log.ts';
import type { RetentionStore } from '../ports/retention.ts';

/** How long things are kept, in days; null is for ever. Fewer than 7 days count as 7. */
export interface Keep {
  /** Jobs that have ended, since their end. Everything else of a job goes with it. */
  readonly jobsDays: number | null;
  /** Entries of timelines. */
  readonly timelinesDays: number | null;
  /** Callbacks as they came. */
  readonly callbacksDays: number;
  /** Idempotency keys of deleted jobs, since the deletion. */
  readonly spentKeysDays: number;
}

export interface Retention {
  /**
   * Deletes one batch of each kind; one that fails does not keep the others from it. Resolves with how long to wait for
   * the next round, in ms.
   */
  runOnce(signal: AbortSignal): Promise<number>;
}

/**
 * Whatever the settings say: look-ups go on for 24 h after an attempt, and longer while the upstream does not answer.
 */
const MIN_DAYS = 7;

/** Small, so that a statement stays far below its time-out and its locks are short. */
const BATCH = 500;

const ROUND_MS = 60_000;

/**
 * Between rounds while there is more: a backlog goes with at most 500 jobs a second for each instance, and the rest of
 * the second is for others.
 */
const MORE_MS = 1_000;

/** One kind of what is deleted by age. */
export interface Aged {
  readonly kind: string;
  /** Null is for ever. */
  readonly days: number | null;
  /** Deletes up to `limit`, the oldest first, and resolves with how many went. */
  deleteByAge(days: number, limit: number): Promise<number>;
}

/** What this core keeps. */
export const agedJobs = (store: RetentionStore, keep: Keep): readonly Aged[] => [
  { kind: 'callbacks', days: keep.callbacksDays, deleteByAge: store.deleteCallbacksByAge },
  { kind: 'timelines', days: keep.timelinesDays, deleteByAge: store.deleteTimelinesByAge },
  { kind: 'spent keys', days: keep.spentKeysDays, deleteByAge: store.deleteSpentKeysByAge },
  { kind: 'jobs', days: keep.jobsDays, deleteByAge: store.deleteEndedJobsByAge },
];

export function createRetention(kinds: readonly Aged[], log: Log): Retention {
  return {
    async runOnce(signal) {
      let more = false;
      for (const { kind, days, deleteByAge } of kinds) {
        if (days === null || signal.aborted) continue;
        try {
          const count = await deleteByAge(Math.max(days, MIN_DAYS), BATCH);
          if (count > 0) log.info({ kind, count, days }, 'deleted by age');
          more ||= count === BATCH;
        } catch (error) {
          if (!signal.aborted) log.warn({ err: error, kind }, 'deleting by age failed; it goes on');
        }
      }
      return more ? MORE_MS : ROUND_MS;
    },
  };
}
