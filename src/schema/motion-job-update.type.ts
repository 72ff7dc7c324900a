import { Field, ObjectType } from 'type-graphql';
import type { Job } from '../jobs/model/job.ts';
import { MotionJob } from './motion-job.type.ts';

@ObjectType({ description: "A change of one of the account's jobs.", simpleResolvers: true })
export class MotionJobUpdate {
  @Field(() => String, {
    description:
      'The `after` to go on from when this update has been dealt with. Opaque, at most 4,096 characters, good at every instance and after restarts; it does not expire.',
  })
  cursor!: string;

  @Field(() => MotionJob, { description: 'The job, in its newest version.' })
  job!: MotionJob;

  static of(cursor: string, job: Job): MotionJobUpdate {
    return Object.assign(new MotionJobUpdate(), { cursor, job: MotionJob.of(job) });
  }
}
