/** Retention: deletes data by age. Any number of instances may do so at the same time. */
import type { Log } from '../../log.ts';
import type { RetentionStore } from '../ports/retention.ts';

/** Retention periods in days; null means forever. Fewer than 7 days count as 7. */
export interface Keep {
  /** Ended jobs, counted from their end. All other data of a job is deleted with it. */
  readonly jobsDays: number | null;
  /** Timeline entries, counted from when they were recorded. */
  readonly timelinesDays: number | null;
  /** Callbacks as received, counted from their arrival. */
  readonly callbacksDays: number;
  /** Idempotency keys of deleted jobs, counted from the deletion. */
  readonly spentKeysDays: number;
}

export interface Retention {
  /**
   * Deletes one batch of each kind. A kind that fails does not prevent the others from being deleted. Resolves with the
   * delay until the next round, in ms.
   */
  runOnce(signal: AbortSignal): Promise<number>;
}

/**
 * Minimum retention, whatever the settings are: look-ups continue for 24 h after an attempt, and longer while the
 * upstream does not answer.
 */
const MIN_DAYS = 7;

/** Batch size. It is small, so that a statement stays far below its timeout and holds its locks only briefly. */
const BATCH = 500;

const ROUND_MS = 60_000;

/**
 * Delay between rounds while more remains. Each instance deletes a backlog at no more than 500 jobs per second, and
 * leaves the rest of each second to other work.
 */
const MORE_MS = 1_000;

/** One kind of data that is deleted by age. */
export interface Aged {
  readonly kind: string;
  /** Null means forever. */
  readonly days: number | null;
  /** Deletes up to `limit` entries, the oldest first, and resolves with the number deleted. */
  deleteByAge(days: number, limit: number): Promise<number>;
}

/** Returns the kinds of data about jobs that are deleted by age. */
export const agedJobs = (store: RetentionStore, keep: Keep): readonly Aged[] => [
  { kind: 'callbacks', days: keep.callbacksDays, deleteByAge: store.deleteCallbacksByAge },
  { kind: 'timelines', days: keep.timelinesDays, deleteByAge: store.deleteTimelinesByAge },
  { kind: 'keys of deleted jobs', days: keep.spentKeysDays, deleteByAge: store.deleteSpentKeysByAge },
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
          if (!signal.aborted) log.warn({ err: error, kind }, 'deleting by age failed; retrying');
        }
      }
      return more ? MORE_MS : ROUND_MS;
    },
  };
}
