import { Field, ObjectType } from 'type-graphql';
import type { Job } from '../jobs/model/job.ts';
import { MotionJob } from './motion-job.type.ts';

@ObjectType({ description: "A change of one of the account's jobs.", simpleResolvers: true })
export class MotionJobUpdate {
  @Field(() => String, {
    description:
      'The cursor from which to resume after this update was processed: pass it to `jobsUpdated` as `after`. ' +
      'The cursor is opaque, at most 4,096 characters long, valid at every instance and after restarts, and does not ' +
      'expire.',
  })
  cursor!: string;

  @Field(() => MotionJob, { description: 'The job in its newest version.' })
  job!: MotionJob;

  static of(cursor: string, job: Job): MotionJobUpdate {
    return Object.assign(new MotionJobUpdate(), { cursor, job: MotionJob.of(job) });
  }
}
