/**
 * Counts how often work on the news about a job has begun without completing, so that work that terminates the process
 * every time is given up.
 */
import type { WorkQueue } from '../ports/work-queue.ts';
import { UnavailableError } from '../../errors.ts';

export interface WorkAttempts {
  /**
   * Counts that work on the job begins. Resolves with false if it has already begun `MAX_ATTEMPTS` times without
   * completing; the job is then left to its deadline.
   */
  begin(jobId: string): Promise<boolean>;
  /**
   * Runs work that has begun. An attempt that fails because the database is unavailable is not counted, up to
   * `MAX_FORGOTTEN` times. Otherwise a job whose result the upstream has would be given up after an outage.
   */
  run<T>(jobId: string, work: () => Promise<T>): Promise<T>;
  /**
   * Subtracts the attempts that `run` could not subtract because the database was unavailable. Must be called once in
   * each round.
   */
  forgetEnded(): Promise<void>;
}

export const MAX_ATTEMPTS = 3;

/** Limit per job and process. It stops work that makes the database fail each time. */
const MAX_FORGOTTEN = 20;

/**
 * Limit on remembered jobs. A job that another instance completes stays in memory, so the oldest jobs are evicted.
 */
const MAX_REMEMBERED = 10_000;

interface Ended {
  /** Attempts that failed because the database was unavailable, and that it still counts. */
  counted: number;
  total: number;
}

export function createWorkAttempts(store: Pick<WorkQueue, 'beginWork' | 'forgetAttempts'>): WorkAttempts {
  /** By job id, until the work on the job completes. */
  const ended = new Map<string, Ended>();

  async function forget(jobId: string): Promise<void> {
    const entry = ended.get(jobId);
    if (!entry || entry.counted === 0) return;
    const { counted } = entry;
    entry.counted = 0;
    try {
      await store.forgetAttempts(jobId, counted);
    } catch (error) {
      entry.counted += counted;
      throw error;
    }
  }

  async function run<T>(jobId: string, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      ended.delete(jobId);
      return result;
    } catch (error) {
      const entry = ended.get(jobId) ?? { counted: 0, total: 0 };
      if (!(error instanceof UnavailableError)) ended.delete(jobId);
      else if (entry.total < MAX_FORGOTTEN) ended.set(jobId, { counted: entry.counted + 1, total: entry.total + 1 });
      if (ended.size > MAX_REMEMBERED) ended.delete(ended.keys().next().value!);
      throw error;
    }
  }

  return {
    run,
    async begin(jobId) {
      await forget(jobId);
      try {
        return (await store.beginWork(jobId)) <= MAX_ATTEMPTS;
      } catch (error) {
        // A statement without an answer may have been counted. Counting too few only lets work begin once more.
        return run(jobId, () => Promise.reject(error as Error));
      }
    },
    async forgetEnded() {
      for (const jobId of [...ended.keys()]) await forget(jobId);
    },
  };
}
