import { Field, InputType, ObjectType } from 'type-graphql';
import { Account } from './account.type.ts';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'The applicant for access.' })
export class AcquireAccessInput {
  @Field(() => String, { description: 'The display name of the new account, at most 100 characters.' })
  name!: string;

  @Field(() => String, { description: "The applicant's email address, at most 254 characters." })
  email!: string;
}

@ObjectType({ description: 'The result of an application for access.', simpleResolvers: true })
export class AcquireAccessPayload {
  @Field(() => String, {
    nullable: true,
    description: 'The API key of the new account. It is shown only once and cannot be retrieved again.',
  })
  key!: string | null;

  @Field(() => Account, {
    nullable: true,
    description: 'The new account. If its status is PENDING, it is awaiting approval by an administrator.',
  })
  account!: Account | null;

  @Field(() => [UserError], { description: 'All violations in the input; empty if the application succeeded.' })
  userErrors!: readonly UserError[];
}
