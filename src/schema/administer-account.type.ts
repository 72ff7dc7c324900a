import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { Account } from './account.type.ts';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'The account to create.' })
export class CreateAccountInput {
  @Field(() => String, { description: 'The display name of the account, at most 100 characters.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'The email address of the account, at most 254 characters.' })
  email?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The maximum number of jobs that can be used in total; there is no limit if it is omitted.',
  })
  quotaLimit?: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'The maximum number of jobs that can be accepted in a month (UTC); there is no limit if it is omitted.',
  })
  monthlyLimit?: number | null;
}

@InputType({ description: 'An account and the changes to its quota.' })
export class AccountQuotaInput {
  @Field(() => ID, { description: "The account's id." })
  id!: string;

  @Field(() => Int, {
    nullable: true,
    description:
      'The maximum number of jobs that can be used in total. ' +
      'Null removes the limit; if omitted, the limit is unchanged.',
  })
  quotaLimit?: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'The maximum number of jobs that can be accepted in a month (UTC). ' +
      'Null removes the limit; if omitted, the limit is unchanged.',
  })
  monthlyLimit?: number | null;
}

@InputType({ description: 'The account to disable.' })
export class DisableAccountInput {
  @Field(() => ID, { description: "The account's id." })
  id!: string;
}

@ObjectType({ description: 'The result of creating an account.', simpleResolvers: true })
export class CreateAccountPayload {
  @Field(() => String, {
    nullable: true,
    description: "The account's first API key. It is shown only once and cannot be retrieved again.",
  })
  key!: string | null;

  @Field(() => Account, { nullable: true, description: 'The new account; null if `userErrors` has entries.' })
  account!: Account | null;

  @Field(() => [UserError], { description: 'All violations in the input; empty if the account was created.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'The result of changing an account.', simpleResolvers: true })
export class ChangeAccountPayload {
  @Field(() => Account, {
    nullable: true,
    description: 'The account in its current state; null if `userErrors` has entries.',
  })
  account!: Account | null;

  @Field(() => [UserError], { description: 'All violations in the input; empty if the account was changed.' })
  userErrors!: readonly UserError[];
}
