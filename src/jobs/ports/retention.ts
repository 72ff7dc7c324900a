/** Permanent deletion: by age, and at the request of an owner. */

/**
 * Deletes permanently. The same statement that deletes a job records its idempotency key as the key of a deleted job,
 * and deletes its callbacks and its timeline. Each `ByAge` method deletes up to `limit` rows, oldest first. It skips
 * rows that other transactions have locked, and resolves with the number deleted.
 */
export interface RetentionStore {
  /** Deletes the account's job if it has ended. Resolves with false if there is no such job or it has not ended. */
  deleteEndedJob(accountId: string, jobId: string): Promise<boolean>;
  deleteEndedJobsByAge(days: number, limit: number): Promise<number>;
  deleteTimelinesByAge(days: number, limit: number): Promise<number>;
  deleteCallbacksByAge(days: number, limit: number): Promise<number>;
  deleteSpentKeysByAge(days: number, limit: number): Promise<number>;
}
