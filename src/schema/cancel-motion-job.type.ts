import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { MotionJob } from './motion-job.type.ts';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'The job to cancel.' })
export class CancelMotionJobInput {
  @Field(() => ID, { description: "The job's id." })
  id!: string;
}

@ObjectType({ description: 'The result of a request to cancel a job.', simpleResolvers: true })
export class CancelMotionJobPayload {
  @Field(() => MotionJob, {
    nullable: true,
    description: 'The job in its current state; null if there is no such job.',
  })
  job!: MotionJob | null;

  @Field(() => [UserError], {
    description: 'The reasons why the job was not canceled; empty if it is canceled, by this or an earlier request.',
  })
  userErrors!: readonly UserError[];
}
