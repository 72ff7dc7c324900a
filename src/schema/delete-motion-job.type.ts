import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'Which job to delete.' })
export class DeleteMotionJobInput {
  @Field(() => ID, { description: "The job's id." })
  id!: string;
}

@ObjectType({ description: 'What came of a request to delete.', simpleResolvers: true })
export class DeleteMotionJobPayload {
  @Field(() => ID, {
    nullable: true,
    description: 'The id of the job that is gone; null when `userErrors` has entries.',
  })
  deletedId!: string | null;

  @Field(() => [UserError], {
    description:
      "Empty when the job is deleted. NOT_FOUND for an unknown job, a deleted one, and somebody else's; NOT_TERMINAL for one that has not ended.",
  })
  userErrors!: readonly UserError[];
}
