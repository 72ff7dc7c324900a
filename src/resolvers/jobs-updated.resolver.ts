import { Arg, Resolver, Root, Subscription } from 'type-graphql';
import { permitAllJobs } from '../accounts/caller.ts';
import type { JobUpdate } from '../jobs/watch/account-watcher.ts';
import { MotionJobUpdate } from '../schema/motion-job-update.type.ts';
import type { Context } from './context.ts';

@Resolver()
export class JobsUpdatedResolver {
  @Subscription(() => MotionJobUpdate, {
    description:
      'Every change of every job of the account, new jobs among them; it never completes. An update comes at least once: drop it when its `version` is not higher than the one you have. ' +
      'Versions that follow each other faster than the client reads are skipped, but the newest is always sent. Deletions are not reported: if a job is deleted before you have read its last change, you receive no more updates for it. ' +
      'To miss nothing, list the jobs, subscribe with the `updatesCursor` of the list, and after a reconnect with the `cursor` of the last update. ' +
      'If you delete jobs, query `motionJobs` after each reconnect with the `ids` of the jobs that you believe to be unfinished.',
    subscribe: async ({ args, context }) => {
      const { after } = args as { after?: string | null };
      const { caller, jobs } = context as Context;
      return jobs.follow(permitAllJobs(caller, 'jobs:read'), after);
    },
  })
  jobsUpdated(
    @Root() { cursor, job }: JobUpdate,
    @Arg('after', () => String, {
      nullable: true,
      description:
        'Where to go on: the `cursor` of an update or the `updatesCursor` of a list, at most 4,096 characters. Without it only what changes from now on. ' +
        'The error CURSOR_INVALID says that it is no cursor, or one of another database, or that it is newer than a restored backup: list the jobs and subscribe again. After the database was restored from a copy of its disk, list the jobs as well: PostgreSQL cannot tell such a copy from the original.',
    })
    _after: string | null,
  ): MotionJobUpdate {
    return MotionJobUpdate.of(cursor, job);
  }
}
