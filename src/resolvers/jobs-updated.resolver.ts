import { Arg, Resolver, Root, Subscription } from 'type-graphql';
import { permitAllJobs } from '../accounts/caller.ts';
import type { JobUpdate } from '../jobs/watch/account-watcher.ts';
import { MotionJobUpdate } from '../schema/motion-job-update.type.ts';
import type { Context } from './context.ts';

@Resolver()
export class JobsUpdatedResolver {
  @Subscription(() => MotionJobUpdate, {
    description:
      'Every change of every job of the account, including new jobs; the subscription never completes. ' +
      'An update is sent at least once: drop it if its `version` is not higher than the one you have. ' +
      'Versions that follow each other faster than the client reads are skipped, but the newest is always sent. ' +
      'Deletions are not reported: if a job is deleted before you have read its last change, you receive no more ' +
      'updates for it. ' +
      'To miss nothing, list the jobs, then subscribe with the `updatesCursor` of the list. ' +
      'After a reconnect, subscribe with the `cursor` of the last update. ' +
      'If you delete jobs, query `motionJobs` after each reconnect with the `ids` of the jobs that you believe to be ' +
      'unfinished.',
    subscribe: async ({ args, context }) => {
      const { after } = args as { after?: string | null };
      const { caller, jobs } = context as Context;
      return jobs.watchAccount(permitAllJobs(caller, 'jobs:read'), after);
    },
  })
  jobsUpdated(
    @Root() { cursor, job }: JobUpdate,
    @Arg('after', () => String, {
      nullable: true,
      description:
        'The cursor from which to resume: the `cursor` of an update or the `updatesCursor` of a list, at most 4,096 ' +
        'characters. If omitted, only changes from now on are sent. ' +
        'The error CURSOR_INVALID means that the value is not a cursor, or that it belongs to another database or is ' +
        'newer than the backup from which the database was restored: list the jobs and subscribe again. ' +
        'Also list the jobs after the database was restored from a copy of its disk, because PostgreSQL cannot ' +
        'distinguish such a copy from the original.',
    })
    _after: string | null,
  ): MotionJobUpdate {
    return MotionJobUpdate.of(cursor, job);
  }
}
