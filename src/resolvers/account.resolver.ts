/** The queries and mutations of account owners: accounts, API keys, client tokens and usage. */
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
    description:
      'The authenticated caller, identified by the API key or client token of the request. ' +
      'Requires `jobs:read` for all jobs: a client token that is limited to certain jobs is refused.',
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
      "The account's API keys: first those that are valid, then those that have ended, each group newest first. " +
      'Requires `account:admin`.',
  })
  async keys(
    @Root() _viewer: Viewer,
    @Arg('first', () => Int, { defaultValue: 50, description: 'The maximum number of API keys to return, 1 to 100.' })
    first: number,
    @Ctx() { caller, accounts }: Context,
  ): Promise<ApiKey[]> {
    return (await accounts.keys.list(permit(caller, 'account:admin'), first)).map((key) => ApiKey.of(key));
  }

  @FieldResolver(() => [UsageBucket], {
    nullable: true,
    complexity: READ_COST,
    description:
      'The usage that was charged from the time `from` until before the time `to`, at most 366 days later. ' +
      'Requires `jobs:read`.',
  })
  async usage(
    @Root() _viewer: Viewer,
    @Arg('from', () => DateTime, { description: 'The start of the period, inclusive.' }) from: Date,
    @Arg('to', () => DateTime, { description: 'The end of the period, exclusive.' }) to: Date,
    @Arg('by', () => UsageBy, { defaultValue: 'DAY', description: 'The property by which to group the usage.' })
    by: Groups,
    @Ctx() { caller, accounts }: Context,
  ): Promise<readonly UsageBucket[]> {
    return accounts.usage(permit(caller, 'jobs:read'), from, to, by);
  }

  @Mutation(() => AcquireAccessPayload, {
    nullable: true,
    description:
      'Applies for access: creates an account and its first API key immediately. Requires no key. ' +
      'Returns the error FORBIDDEN if only an administrator grants access, and RATE_LIMITED after too many ' +
      'applications from one address.',
  })
  async acquireAccess(
    @Arg('input', () => AcquireAccessInput, { description: 'The applicant.' }) input: AcquireAccessInput,
    @Ctx() { accounts, address }: Context,
  ): Promise<AcquireAccessPayload> {
    const result = await accounts.acquire(input, address);
    if (result.kind === 'invalid')
      return { key: null, account: null, userErrors: result.violations.map((violation) => InvalidInput.of(violation)) };
    return { key: result.issued.text, account: Account.of(result.account), userErrors: [] };
  }

  @Mutation(() => IssueApiKeyPayload, {
    nullable: true,
    description: 'Creates an API key for the account. Requires `account:admin`.',
  })
  async createApiKey(
    @Arg('input', () => CreateApiKeyInput, { description: 'The API key to create.' })
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
    description:
      'Replaces an API key: creates one with the same name and scopes, and the old one expires after the overlap. ' +
      'Requires `account:admin`.',
  })
  async rotateApiKey(
    @Arg('input', () => RotateApiKeyInput, { description: 'The API key to replace.' })
    { id, overlapSeconds }: RotateApiKeyInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<IssueApiKeyPayload> {
    return presentIssue(
      await accounts.keys.rotate(permit(caller, 'account:admin'), id, overlapSeconds, actorOf(caller)),
    );
  }

  @Mutation(() => RevokeApiKeyPayload, {
    nullable: true,
    description:
      'Revokes an API key immediately. Sockets that were opened with it are closed with 4403 within a minute. ' +
      'Requires `account:admin`.',
  })
  async revokeApiKey(
    @Arg('input', () => RevokeApiKeyInput, { description: 'The API key to revoke.' }) { id }: RevokeApiKeyInput,
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
      'Creates a client token, which is safe to give to a browser. ' +
      'Requires an API key with the scopes that the token is to have.',
  })
  async createClientToken(
    @Arg('input', () => CreateClientTokenInput, { description: 'The client token to create.' })
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
      'Revokes all client tokens of the account immediately. ' +
      'Sockets that were opened with them are closed with 4403 within a minute. Requires `account:admin`.',
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
