/** Counts how often work on what is known of a job has begun without coming to an end, so that work that ends the process each time is given up. */
import { UnavailableError } from './errors.ts';
import type { WorkQueue } from './ports.ts';

export interface WorkAttempts {
  /** Counts that work on the job begins. False when it has begun `MAX_ATTEMPTS` times without coming to an end: the job is left to its deadline. */
  begin(jobId: string): Promise<boolean>;
  /**
   * Runs work that has begun. An attempt that the database ends says nothing about the job and is not counted: after an outage, a job whose result the
   * upstream has would be given up otherwise.
   */
  run<T>(jobId: string, work: () => Promise<T>): Promise<T>;
}

export const MAX_ATTEMPTS = 3;

export function createWorkAttempts(store: Pick<WorkQueue, 'beginWork' | 'forgetAttempts'>): WorkAttempts {
  /** Attempts, by job, that the database ended and that it still counts. Bounded by the jobs that were leased before it went away. */
  const ended = new Map<string, number>();

  /** While the database is away, the next attempt on any job tries again. */
  async function forgetEnded(): Promise<void> {
    for (const [jobId, count] of ended) {
      ended.delete(jobId);
      try {
        await store.forgetAttempts(jobId, count);
      } catch {
        ended.set(jobId, count + (ended.get(jobId) ?? 0));
        return;
      }
    }
  }

  async function run<T>(jobId: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof UnavailableError) {
        ended.set(jobId, 1 + (ended.get(jobId) ?? 0));
        await forgetEnded();
      }
      throw error;
    }
  }

  return {
    run,
    // A statement without an answer may have counted. To count too little only lets work begin once more.
    begin: (jobId) =>
      run(jobId, async () => {
        await forgetEnded();
        return (await store.beginWork(jobId)) <= MAX_ATTEMPTS;
      }),
  };
}
