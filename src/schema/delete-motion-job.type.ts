import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'The job to delete.' })
export class DeleteMotionJobInput {
  @Field(() => ID, { description: "The job's id." })
  id!: string;
}

@ObjectType({ description: 'The result of a request to delete a job.', simpleResolvers: true })
export class DeleteMotionJobPayload {
  @Field(() => ID, {
    nullable: true,
    description: 'The id of the deleted job; null if `userErrors` has entries.',
  })
  deletedId!: string | null;

  @Field(() => [UserError], {
    description:
      'The reasons why the job was not deleted; empty if it was deleted. ' +
      'NOT_FOUND for an unknown job, a job that was already deleted, and a job of another account; ' +
      'NOT_TERMINAL for a job that has not ended.',
  })
  userErrors!: readonly UserError[];
}
