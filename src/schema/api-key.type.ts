import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { Scope, type ScopeName } from './account.enum.ts';
import { Account, ApiKey } from './account.type.ts';
import { DateTime } from './scalars.ts';
import { UserError } from './user-error.type.ts';

@InputType({ description: 'The API key to create.' })
export class CreateApiKeyInput {
  @Field(() => String, { description: 'The display name of the API key, at most 100 characters.' })
  name!: string;

  @Field(() => [Scope], { description: 'The scopes of the API key: the permissions that it grants.' })
  scopes!: ScopeName[];

  @Field(() => DateTime, {
    nullable: true,
    description: 'The time when the API key expires; it never expires if this is omitted.',
  })
  expiresAt?: Date | null;
}

@InputType({ description: 'The API key to replace.' })
export class RotateApiKeyInput {
  @Field(() => ID, { description: "The old API key's id." })
  id!: string;

  @Field(() => Int, {
    defaultValue: 86_400,
    description: 'The time in seconds for which the old API key remains valid, 0 to 2,592,000.',
  })
  overlapSeconds!: number;
}

@InputType({ description: 'The API key to revoke.' })
export class RevokeApiKeyInput {
  @Field(() => ID, { description: "The API key's id." })
  id!: string;
}

@ObjectType({ description: 'The result of creating or rotating an API key.', simpleResolvers: true })
export class IssueApiKeyPayload {
  @Field(() => String, {
    nullable: true,
    description: 'The new API key itself. It is shown only once and cannot be retrieved again.',
  })
  key!: string | null;

  @Field(() => ApiKey, { nullable: true, description: 'The stored record of the new API key, without the key itself.' })
  apiKey!: ApiKey | null;

  @Field(() => [UserError], { description: 'All violations in the input; empty if the API key was issued.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'The result of revoking an API key.', simpleResolvers: true })
export class RevokeApiKeyPayload {
  @Field(() => ApiKey, {
    nullable: true,
    description: 'The revoked API key, which is now rejected; null if `userErrors` has entries.',
  })
  apiKey!: ApiKey | null;

  @Field(() => [UserError], { description: 'The reasons why the API key was not revoked; empty if it was revoked.' })
  userErrors!: readonly UserError[];
}

@InputType({ description: 'The client token to create, for use in a browser.' })
export class CreateClientTokenInput {
  @Field(() => [Scope], {
    description: 'The scopes of the client token: at most those of the API key, and never ACCOUNT_ADMIN.',
  })
  scopes!: ScopeName[];

  @Field(() => [ID], {
    nullable: true,
    description:
      'The ids of the jobs that the client token can read, 1 to 100; if omitted, it can read all jobs of the account.',
  })
  jobIds?: string[] | null;

  @Field(() => Int, { defaultValue: 900, description: 'The lifetime of the client token in seconds, 60 to 3,600.' })
  ttlSeconds!: number;
}

@ObjectType({ description: 'The result of creating a client token.', simpleResolvers: true })
export class CreateClientTokenPayload {
  @Field(() => String, {
    nullable: true,
    description:
      'The client token: a JWT that is sent like an API key, as "Authorization: Bearer <token>", ' +
      'and as `authorization` in the payload of `connection_init`.',
  })
  token!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'The time when the client token expires. At that time, the sockets that were opened with it are closed with ' +
      '4403: fetch a new token, and subscribe again with `afterVersion` or the cursor.',
  })
  expiresAt!: Date | null;

  @Field(() => [UserError], { description: 'All violations in the input; empty if the client token was created.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'The result of revoking the client tokens of an account.', simpleResolvers: true })
export class RevokeClientTokensPayload {
  @Field(() => Account, {
    nullable: true,
    description: 'The account. All client tokens that were created for it until now are rejected.',
  })
  account!: Account | null;
}
