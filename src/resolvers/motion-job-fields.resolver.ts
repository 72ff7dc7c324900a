/** The fields of a job that are computed on read. */
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
      "The job's position in the queue: 1 is the next job to be submitted, and 1000 means 1,000 or more. " +
      'Null if the job is not QUEUED. Accounts take turns, so the position can increase by a few. Computed on read.',
  })
  async queuePosition(@Root() { source }: MotionJob, @Ctx() { reads }: Context): Promise<number | null> {
    return (await reads.findOutlook(source)).queuePosition;
  }

  @FieldResolver(() => DateTime, {
    nullable: true,
    complexity: READ_COST,
    description:
      'The time when the job is likely to end, estimated from the durations of recent jobs. ' +
      'Null if the job has ended, or if there is no basis for an estimate. Computed on read.',
  })
  async estimatedCompletionAt(@Root() { source }: MotionJob, @Ctx() { reads }: Context): Promise<Date | null> {
    return (await reads.findOutlook(source)).estimatedCompletionAt;
  }

  @FieldResolver(() => JobEventConnection, {
    nullable: true,
    complexity: READ_COST,
    description: "The job's timeline: actions of the gateway and information that it received, oldest first.",
  })
  async timeline(
    @Root() { source }: MotionJob,
    @Arg('first', () => Int, { defaultValue: 50, description: 'The maximum number of events to return, 1 to 200.' })
    first: number,
    @Arg('after', () => String, { nullable: true, description: 'The `endCursor` of the previous page.' })
    after: string | null | undefined,
    @Ctx() { caller, reads }: Context,
  ): Promise<JobEventConnection> {
    return JobEventConnection.of(
      await reads.listTimeline(permit(caller, 'jobs:read'), source.id, { first, after }),
      after,
    );
  }
}
