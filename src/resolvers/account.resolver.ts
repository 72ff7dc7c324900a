/** Accounts, keys and tokens, for those who own them. */
import { Arg, Ctx, FieldResolver, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { actorOf, permit, permitAllJobs } from '../accounts/caller.ts';
import type { IssueResult } from '../accounts/keys.ts';
import type { UsageBy as Groups } from '../accounts/ports.ts';
import { UsageBy, toScopes } from '../schema/account.enum.ts';
import { Account, ApiKey, UsageBucket, Viewer } from '../schema/account.type.ts';
import { AcquireAccessInput, AcquireAccessPayload } from '../schema/acquire-access.type.ts';
import {
  CreateApiKeyInput,
  CreateClientTokenInput,
  CreateClientTokenPayload,
  IssueApiKeyPayload,
  RevokeApiKeyInput,
  RevokeApiKeyPayload,
  RevokeClientTokensPayload,
  RotateApiKeyInput,
} from '../schema/api-key.type.ts';
import { DateTime } from '../schema/scalars.ts';
import { InvalidInput } from '../schema/user-error.type.ts';
import type { Context } from './context.ts';
import { READ_COST } from './read-cost.ts';

@Resolver(() => Viewer)
export class AccountResolver {
  @Query(() => Viewer, {
    nullable: true,
    description: 'Who asks, by the key or token that was presented. Needs `jobs:read`, of all jobs.',
  })
  async viewer(@Ctx() { caller, accounts }: Context): Promise<Viewer | null> {
    const found = await accounts.administration.find(permitAllJobs(caller, 'jobs:read'));
    if (!found) return null;
    const account = Account.of(found);
    return Object.assign(new Viewer(), { account, quota: account.quota });
  }

  @FieldResolver(() => [ApiKey], {
    nullable: true,
    complexity: READ_COST,
    description:
      'Its keys, those first that open something, then those that have ended, each the newest first. Needs `account:admin`.',
  })
  async keys(
    @Root() _viewer: Viewer,
    @Arg('first', () => Int, { defaultValue: 50, description: 'How many, from 1 to 100.' }) first: number,
    @Ctx() { caller, accounts }: Context,
  ): Promise<ApiKey[]> {
    return (await accounts.keys.list(permit(caller, 'account:admin'), first)).map((key) => ApiKey.of(key));
  }

  @FieldResolver(() => [UsageBucket], {
    nullable: true,
    complexity: READ_COST,
    description: 'What was charged from one time until before another, at most 366 days apart.',
  })
  async usage(
    @Root() _viewer: Viewer,
    @Arg('from', () => DateTime, { description: 'The first moment.' }) from: Date,
    @Arg('to', () => DateTime, { description: 'The first moment after it.' }) to: Date,
    @Arg('by', () => UsageBy, { defaultValue: 'DAY', description: 'What to group by.' }) by: Groups,
    @Ctx() { caller, accounts }: Context,
  ): Promise<readonly UsageBucket[]> {
    return accounts.usage(permit(caller, 'jobs:read'), from, to, by);
  }

  @Mutation(() => AcquireAccessPayload, {
    nullable: true,
    description:
      'Applies for access: an account and its first API key at once. Needs no key; answers FORBIDDEN where access is given by an administrator, and RATE_LIMITED after too many applications from one address.',
  })
  async acquireAccess(
    @Arg('input', () => AcquireAccessInput, { description: 'Who applies.' }) input: AcquireAccessInput,
    @Ctx() { accounts, address }: Context,
  ): Promise<AcquireAccessPayload> {
    const result = await accounts.acquire(input, address);
    if (result.kind === 'invalid')
      return { key: null, account: null, userErrors: result.violations.map((violation) => InvalidInput.of(violation)) };
    return { key: result.issued.text, account: Account.of(result.account), userErrors: [] };
  }

  @Mutation(() => IssueApiKeyPayload, {
    nullable: true,
    description: 'Makes a key for the account. Needs `account:admin`.',
  })
  async createApiKey(
    @Arg('input', () => CreateApiKeyInput, { description: 'The new key.' })
    { name, scopes, expiresAt }: CreateApiKeyInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<IssueApiKeyPayload> {
    return presentIssue(
      await accounts.keys.create(
        permit(caller, 'account:admin'),
        { name, scopes: toScopes(scopes), expiresAt: expiresAt ?? null },
        actorOf(caller),
      ),
    );
  }

  @Mutation(() => IssueApiKeyPayload, {
    nullable: true,
    description: 'Makes a key like an old one, which ends after the overlap. Needs `account:admin`.',
  })
  async rotateApiKey(
    @Arg('input', () => RotateApiKeyInput, { description: 'Which key.' }) { id, overlapSeconds }: RotateApiKeyInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<IssueApiKeyPayload> {
    return presentIssue(
      await accounts.keys.rotate(permit(caller, 'account:admin'), id, overlapSeconds, actorOf(caller)),
    );
  }

  @Mutation(() => RevokeApiKeyPayload, {
    nullable: true,
    description:
      'Ends a key at once; sockets that it has opened are closed with 4403 within a minute. Needs `account:admin`.',
  })
  async revokeApiKey(
    @Arg('input', () => RevokeApiKeyInput, { description: 'Which key.' }) { id }: RevokeApiKeyInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<RevokeApiKeyPayload> {
    const result = await accounts.keys.revoke(permit(caller, 'account:admin'), id, actorOf(caller));
    if (result.kind === 'invalid')
      return { apiKey: null, userErrors: result.violations.map((violation) => InvalidInput.of(violation)) };
    return { apiKey: ApiKey.of(result.apiKey), userErrors: [] };
  }

  @Mutation(() => CreateClientTokenPayload, {
    nullable: true,
    description:
      'Mints a token that is safe to give to a browser. Needs an API key with the scopes that the token is to have.',
  })
  async createClientToken(
    @Arg('input', () => CreateClientTokenInput, { description: 'The token.' })
    { scopes, jobIds, ttlSeconds }: CreateClientTokenInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<CreateClientTokenPayload> {
    const result = await accounts.mintToken(caller, { scopes: toScopes(scopes), jobIds: jobIds ?? null, ttlSeconds });
    if (result.kind === 'invalid')
      return {
        token: null,
        expiresAt: null,
        userErrors: result.violations.map((violation) => InvalidInput.of(violation)),
      };
    return { token: result.token, expiresAt: result.expiresAt, userErrors: [] };
  }

  @Mutation(() => RevokeClientTokensPayload, {
    nullable: true,
    description:
      'Ends all client tokens of the account at once; sockets that they have opened are closed with 4403 within a minute. Needs `account:admin`.',
  })
  async revokeClientTokens(@Ctx() { caller, accounts }: Context): Promise<RevokeClientTokensPayload> {
    const account = await accounts.revokeTokens(permit(caller, 'account:admin'), actorOf(caller));
    return { account: account && Account.of(account) };
  }
}

function presentIssue(result: IssueResult): IssueApiKeyPayload {
  if (result.kind === 'invalid')
    return { key: null, apiKey: null, userErrors: result.violations.map((violation) => InvalidInput.of(violation)) };
  return { key: result.issued.text, apiKey: ApiKey.of(result.issued.apiKey), userErrors: [] };
}
