import { Field, ObjectType } from 'type-graphql';
import { MotionJob } from './motion-job.type.ts';
import { UserError } from './user-error.type.ts';

@ObjectType({ description: 'The result of a request to generate a video.', simpleResolvers: true })
export class GenerateMotionPayload {
  @Field(() => MotionJob, {
    nullable: true,
    description:
      'The job; null if `userErrors` has entries. ' +
      'The job is committed: whatever happens, it exists and reaches an end.',
  })
  job!: MotionJob | null;

  @Field(() => Boolean, {
    description:
      'True if the idempotency key was used before with the same input: ' +
      '`job` is then the existing job in its current state.',
  })
  replayed!: boolean;

  @Field(() => [UserError], {
    description: 'All errors of the request. If there are any, nothing was stored or spent.',
  })
  userErrors!: readonly UserError[];
}
