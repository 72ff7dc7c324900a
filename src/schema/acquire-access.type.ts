import { Field, InputType, ObjectType } from 'type-graphql';
import { Account } from './account.type.ts';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'Who applies.' })
export class AcquireAccessInput {
  @Field(() => String, { description: 'A name for people, at most 100 characters.' })
  name!: string;

  @Field(() => String, { description: 'An e-mail address, at most 254 characters.' })
  email!: string;
}

@ObjectType({ description: 'What came of an application.', simpleResolvers: true })
export class AcquireAccessPayload {
  @Field(() => String, { nullable: true, description: 'The API key. It is shown this once and cannot be had again.' })
  key!: string | null;

  @Field(() => Account, { nullable: true, description: 'The account; one that is PENDING waits for an administrator.' })
  account!: Account | null;

  @Field(() => [UserError], { description: 'All that is wrong with the input.' })
  userErrors!: readonly UserError[];
}
