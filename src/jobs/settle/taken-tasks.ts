/**
 * Handles tasks that the upstream named for a second job. The unique index on the task id decides which job keeps the
 * task, without an extra statement in the normal case.
 */
import { TaskTakenError } from '../model/errors.ts';

/**
 * Runs `work`, and runs it again each time it is rolled back because a task belongs to another job. `taken` contains
 * those tasks.
 */
export async function besidesTaken<T>(work: (taken: ReadonlySet<string>) => Promise<T>): Promise<T> {
  const taken = new Set<string>();
  for (;;) {
    try {
      return await work(taken);
    } catch (error) {
      if (!(error instanceof TaskTakenError) || taken.has(error.taskId)) throw error;
      taken.add(error.taskId);
    }
  }
}
