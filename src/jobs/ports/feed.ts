/** Wake-ups for watchers. */

/**
 * "Job X of account Y changed." Carries no data: the row is authoritative, so a missed wake-up delays an update but
 * never loses it.
 */
export interface Feed {
  /**
   * Calls `listener` for each change, and `onGap` when changes may have been missed. Returns a function that
   * unsubscribes.
   */
  subscribe(listener: (jobId: string, version: number, accountId: string) => void, onGap: () => void): () => void;
}
