/** Deletes for good: by age, and at the request of an owner. */

/**
 * Deletes for good. A job's idempotency key becomes a spent key in the same statement; its callbacks and its timeline
 * go with it. Each `ByAge` deletes up to `limit` rows, the oldest first, passes over rows that others are working on,
 * and resolves with how many went.
 */
export interface RetentionStore {
  /** Deletes the account's job if it has ended; false when there is no such job, or it has not. */
  deleteEndedJob(accountId: string, jobId: string): Promise<boolean>;
  deleteEndedJobsByAge(days: number, limit: number): Promise<number>;
  deleteTimelinesByAge(days: number, limit: number): Promise<number>;
  deleteCallbacksByAge(days: number, limit: number): Promise<number>;
  deleteSpentKeysByAge(days: number, limit: number): Promise<number>;
}
