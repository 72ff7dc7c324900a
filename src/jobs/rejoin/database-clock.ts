/** Estimates the database's time without a query, from the last time that was read from it. */

export interface DatabaseClock {
  /** Sets the clock to a time that has just been read from the database. */
  set(databaseMs: number): void;
  /**
   * Converts a time of this process to database time. The result is never later than the true time, regardless of how
   * long a statement takes to reach the database. A request counts as a repeat of an answer in doubt if it arrived
   * after that answer was written; its arrival time is estimated too late, never too early.
   */
  toDatabaseMs(processMs: number): number;
}

export function createDatabaseClock(): DatabaseClock {
  /**
   * The last time read from the database, and the time of this process right after that read. An estimate based on them
   * is never ahead of the database.
   */
  let clock = { databaseMs: 0, processMs: 0 };
  return {
    set(databaseMs) {
      clock = { databaseMs, processMs: performance.now() };
    },
    toDatabaseMs: (processMs) => clock.databaseMs + processMs - clock.processMs,
  };
}
