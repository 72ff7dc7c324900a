import { Field, ObjectType } from 'type-graphql';
import { MotionJob } from './motion-job.type.ts';
import { UserError } from './user-error.type.ts';

@ObjectType({ description: 'What came of a request to generate.', simpleResolvers: true })
export class GenerateMotionPayload {
  @Field(() => MotionJob, {
    nullable: true,
    description:
      'The job; null when `userErrors` has entries. It is committed: it exists and reaches an end, whatever happens.',
  })
  job!: MotionJob | null;

  @Field(() => Boolean, {
    description:
      'True when the idempotency key had been used for the same input: `job` is the job of then, as it is now.',
  })
  replayed!: boolean;

  @Field(() => [UserError], { description: 'All that is wrong with the input; nothing was stored or spent.' })
  userErrors!: readonly UserError[];
}
