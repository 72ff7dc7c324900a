/** Reads jobs as tasks of the vendor's contract: one by its id, several by their ids, and those of a time window. */
import { mayRead, type Caller } from '../../accounts/caller.ts';
import type { Job } from '../../jobs/model/job.ts';
import type { JobOperations } from '../../jobs/operations.ts';
import { encodeCursor } from '../../jobs/read/list-jobs.ts';
import type { Rejoin } from '../../jobs/rejoin/rejoin.ts';
import type { LookUp } from '../../upstream/acedata/wire/look-up.ts';
import { Refusal } from '../../upstream/acedata/wire/routes.ts';
import type { Task } from '../../upstream/acedata/wire/task-record.ts';
import { toTask } from './task-of-job.ts';

export interface TaskReads {
  findOne(caller: Caller, accountId: string, taskId: string): Promise<Task | null>;
  /** Returns the tasks that exist, in the order of the ids. */
  findMany(caller: Caller, accountId: string, taskIds: readonly string[]): Promise<Task[]>;
  /** Lists the tasks in a time window, newest first. */
  listWindow(caller: Caller, accountId: string, window: Extract<LookUp, { kind: 'window' }>): Promise<Task[]>;
}

/** The maximum number of tasks that a listing by time can reach. */
const MAX_LISTED = 1_000;
const PAGE = 100;

export function createTaskReads(
  jobs: Pick<JobOperations, 'find' | 'list'>,
  { findSent }: Pick<Rejoin, 'findSent'>,
): TaskReads {
  async function tasksOf(accountId: string, found: readonly Job[]): Promise<Task[]> {
    const sent = await findSent(
      accountId,
      found.map(({ id }) => id),
    );
    return found.map((job) => toTask(job, sent.get(job.id) ?? null));
  }

  return {
    async findOne(caller, accountId, taskId) {
      const job = mayRead(caller, taskId) ? await jobs.find(accountId, taskId) : null;
      return job && (await tasksOf(accountId, [job]))[0]!;
    },

    async findMany(caller, accountId, taskIds) {
      const ids = taskIds.map((id) => id.toLowerCase()).filter((id) => mayRead(caller, id));
      const { jobs: found } = await jobs.list(accountId, { first: PAGE, filter: { ids } });
      const tasks = new Map((await tasksOf(accountId, found)).map((task) => [task.taskId, task]));
      return ids.map((id) => tasks.get(id)).filter((task) => task !== undefined);
    },

    async listWindow({ jobIds }, accountId, { from, to, limit, offset }) {
      const end = offset + limit;
      if (end > MAX_LISTED)
        throw new Refusal('bad_request', `A listing contains at most ${MAX_LISTED} tasks: choose another period.`);
      // Both ends are inclusive; the timestamps of jobs are whole milliseconds.
      const filter = {
        ...(jobIds && { ids: jobIds }),
        ...(from && { createdAfter: new Date(from.getTime() - 1) }),
        ...(to && { createdBefore: new Date(to.getTime() + 1) }),
      };
      const found: Job[] = [];
      for (let more = true; more && found.length < end;) {
        const page = await jobs.list(accountId, {
          first: PAGE,
          after: found.length === 0 ? null : encodeCursor(found.at(-1)!),
          filter,
        });
        found.push(...page.jobs);
        more = page.hasNextPage;
      }
      return tasksOf(accountId, found.slice(offset, end));
    },
  };
}
