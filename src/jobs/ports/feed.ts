/** Wake-ups for watchers. */

/**
 * "Job X of account Y changed." Carries no data: the row is the truth, and a missed wake-up costs time, never an
 * update.
 */
export interface Feed {
  /** Calls `listener` for each change, and `onGap` when changes may have been missed. Returns how to stop. */
  subscribe(listener: (jobId: string, version: number, accountId: string) => void, onGap: () => void): () => void;
}
