import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { Scope, type ScopeName } from './account.enum.ts';
import { Account, ApiKey } from './account.type.ts';
import { DateTime } from './scalars.ts';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'A new key.' })
export class CreateApiKeyInput {
  @Field(() => String, { description: 'A name for people, at most 100 characters.' })
  name!: string;

  @Field(() => [Scope], { description: 'What it may do.' })
  scopes!: ScopeName[];

  @Field(() => DateTime, { nullable: true, description: 'When it ends; never without it.' })
  expiresAt?: Date | null;
}

@InputType({ description: 'Which key to replace.' })
export class RotateApiKeyInput {
  @Field(() => ID, { description: "The old key's id." })
  id!: string;

  @Field(() => Int, { defaultValue: 86_400, description: 'How long the old key goes on, 0 to 2,592,000 seconds.' })
  overlapSeconds!: number;
}

@InputType({ description: 'Which key to end.' })
export class RevokeApiKeyInput {
  @Field(() => ID, { description: "The key's id." })
  id!: string;
}

@ObjectType({ description: 'What came of making a key.', simpleResolvers: true })
export class IssueApiKeyPayload {
  @Field(() => String, {
    nullable: true,
    description: 'The key itself. It is shown this once and cannot be had again.',
  })
  key!: string | null;

  @Field(() => ApiKey, { nullable: true, description: 'What is known of it from now on.' })
  apiKey!: ApiKey | null;

  @Field(() => [UserError], { description: 'All that is wrong with the input.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What came of revoking a key.', simpleResolvers: true })
export class RevokeApiKeyPayload {
  @Field(() => ApiKey, { nullable: true, description: 'The key, which opens nothing any more.' })
  apiKey!: ApiKey | null;

  @Field(() => [UserError], { description: 'Why it was not revoked.' })
  userErrors!: readonly UserError[];
}

@InputType({ description: 'A token for a browser.' })
export class CreateClientTokenInput {
  @Field(() => [Scope], { description: 'What it may do: at most what the key may, and never ACCOUNT_ADMIN.' })
  scopes!: ScopeName[];

  @Field(() => [ID], {
    nullable: true,
    description: 'The jobs that it may read, 1 to 100; all jobs of the account without it.',
  })
  jobIds?: string[] | null;

  @Field(() => Int, { defaultValue: 900, description: 'How long it lives, 60 to 3,600 seconds.' })
  ttlSeconds!: number;
}

@ObjectType({ description: 'What came of minting a token.', simpleResolvers: true })
export class CreateClientTokenPayload {
  @Field(() => String, {
    nullable: true,
    description:
      'A JWT, to be presented like a key: "Authorization: Bearer <token>", and as `authorization` in `connection_init`.',
  })
  token!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When it ends. A socket that it has opened is closed then with 4403: fetch a new one, and subscribe again with `afterVersion` or the cursor.',
  })
  expiresAt!: Date | null;

  @Field(() => [UserError], { description: 'All that is wrong with the input.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What came of ending the client tokens.', simpleResolvers: true })
export class RevokeClientTokensPayload {
  @Field(() => Account, {
    nullable: true,
    description: 'The account, all of whose tokens until now are worth nothing.',
  })
  account!: Account | null;
}
