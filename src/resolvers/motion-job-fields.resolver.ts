/** The fields of a job that are computed when they are read. */
import { Arg, Ctx, FieldResolver, Int, Resolver, Root } from 'type-graphql';
import { permit } from '../accounts/caller.ts';
import { JobEventConnection } from '../schema/job-event.type.ts';
import { MotionJob } from '../schema/motion-job.type.ts';
import { DateTime } from '../schema/scalars.ts';
import type { Context } from './context.ts';
import { READ_COST } from './read-cost.ts';

@Resolver(() => MotionJob)
export class MotionJobFieldsResolver {
  @FieldResolver(() => Int, {
    nullable: true,
    complexity: READ_COST,
    description:
      'Its place in the queue, the next one being 1; 1000 means 1,000 or more. Null when it is not QUEUED. Accounts take turns, so it may go back by a few. Computed when it is read.',
  })
  async queuePosition(@Root() { source }: MotionJob, @Ctx() { reads }: Context): Promise<number | null> {
    return (await reads.findOutlook(source)).queuePosition;
  }

  @FieldResolver(() => DateTime, {
    nullable: true,
    complexity: READ_COST,
    description:
      'When it is likely to be done, from how long the last jobs took. Null when it has ended, or when there is nothing to guess from. Computed when it is read.',
  })
  async estimatedCompletionAt(@Root() { source }: MotionJob, @Ctx() { reads }: Context): Promise<Date | null> {
    return (await reads.findOutlook(source)).estimatedCompletionAt;
  }

  @FieldResolver(() => JobEventConnection, {
    nullable: true,
    complexity: READ_COST,
    description: 'What was done and heard about it, oldest first.',
  })
  async timeline(
    @Root() { source }: MotionJob,
    @Arg('first', () => Int, { defaultValue: 50, description: 'How many, 1 to 200.' }) first: number,
    @Arg('after', () => String, { nullable: true, description: 'The `endCursor` of the page before.' })
    after: string | null | undefined,
    @Ctx() { caller, reads }: Context,
  ): Promise<JobEventConnection> {
    return JobEventConnection.of(
      await reads.listTimeline(permit(caller, 'jobs:read'), source.id, { first, after }),
      after,
    );
  }
}
