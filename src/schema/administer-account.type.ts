import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { Account } from './account.type.ts';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'A new account.' })
export class CreateAccountInput {
  @Field(() => String, { description: 'A name for people, at most 100 characters.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'An e-mail address, at most 254 characters.' })
  email?: string | null;

  @Field(() => Int, { nullable: true, description: 'Jobs that may ever be used; without it no limit.' })
  quotaLimit?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Jobs that may be accepted in a month of UTC; without it no limit.',
  })
  monthlyLimit?: number | null;
}

@InputType({ description: 'An account, and what it may use from now on.' })
export class AccountQuotaInput {
  @Field(() => ID, { description: "The account's id." })
  id!: string;

  @Field(() => Int, {
    nullable: true,
    description: 'Jobs that may ever be used: null is no limit, and without it the limit stays.',
  })
  quotaLimit?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Jobs that may be accepted in a month of UTC: null is no limit, and without it the limit stays.',
  })
  monthlyLimit?: number | null;
}

@InputType({ description: 'Which account to disable.' })
export class DisableAccountInput {
  @Field(() => ID, { description: "The account's id." })
  id!: string;
}

@ObjectType({ description: 'What came of making an account.', simpleResolvers: true })
export class CreateAccountPayload {
  @Field(() => String, { nullable: true, description: 'Its first key. It is shown this once and cannot be had again.' })
  key!: string | null;

  @Field(() => Account, { nullable: true, description: 'The account.' })
  account!: Account | null;

  @Field(() => [UserError], { description: 'All that is wrong with the input.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What came of changing an account.', simpleResolvers: true })
export class ChangeAccountPayload {
  @Field(() => Account, { nullable: true, description: 'The account as it is now.' })
  account!: Account | null;

  @Field(() => [UserError], { description: 'All that is wrong with the input.' })
  userErrors!: readonly UserError[];
}
