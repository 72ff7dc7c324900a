import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { MotionJob } from './motion-job.type.ts';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'Which job to cancel.' })
export class CancelMotionJobInput {
  @Field(() => ID, { description: "The job's id." })
  id!: string;
}

@ObjectType({ description: 'What came of a request to cancel.', simpleResolvers: true })
export class CancelMotionJobPayload {
  @Field(() => MotionJob, { nullable: true, description: 'The job as it is now; null when there is no such job.' })
  job!: MotionJob | null;

  @Field(() => [UserError], { description: 'Empty when the job is canceled, now or before.' })
  userErrors!: readonly UserError[];
}
