/**
 * Counts how often work on what is known of a job has begun without coming to an end, so that work that ends the
 * process each time is given up.
 */
import type { WorkQueue } from '../ports/work-queue.ts';
import { UnavailableError } from '../../errors.ts';

export interface WorkAttempts {
  /**
   * Counts that work on the job begins. False when it has begun `MAX_ATTEMPTS` times without coming to an end: the job
   * is left to its deadline.
   */
  begin(jobId: string): Promise<boolean>;
  /**
   * Runs work that has begun. An attempt that ends because the database cannot answer is not counted, up to
   * `MAX_FORGOTTEN` times: after an outage, a job whose result the upstream has would be given up otherwise.
   */
  run<T>(jobId: string, work: () => Promise<T>): Promise<T>;
  /** Takes back what `run` could not, because the database was away. To be called once in each round. */
  forgetEnded(): Promise<void>;
}

export const MAX_ATTEMPTS = 3;

/** Of one job by one process. Work that makes the database fail each time ends here. */
const MAX_FORGOTTEN = 20;

/** Jobs that another instance ends are remembered in vain: the oldest are dropped. */
const MAX_REMEMBERED = 10_000;

interface Ended {
  /** Attempts that the database ended and that it still counts. */
  counted: number;
  total: number;
}

export function createWorkAttempts(store: Pick<WorkQueue, 'beginWork' | 'forgetAttempts'>): WorkAttempts {
  /** By job, until its work comes to an end. */
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
        // A statement without an answer may have counted. To count too little only lets work begin once more.
        return run(jobId, () => Promise.reject(error as Error));
      }
    },
    async forgetEnded() {
      for (const jobId of [...ended.keys()]) await forget(jobId);
    },
  };
}
