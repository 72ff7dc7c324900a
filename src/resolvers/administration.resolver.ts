/** The queries and mutations of administrators: managing accounts and their quotas. */
import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import type { AccountResult } from '../accounts/administer.ts';
import { permitAdministrator } from '../accounts/caller.ts';
import { Account, AccountConnection } from '../schema/account.type.ts';
import {
  AccountQuotaInput,
  ChangeAccountPayload,
  CreateAccountInput,
  CreateAccountPayload,
  DisableAccountInput,
} from '../schema/administer-account.type.ts';
import { InvalidInput } from '../schema/user-error.type.ts';
import type { Context } from './context.ts';

const ACTOR = 'administrator';

@Resolver()
export class AdministrationResolver {
  @Query(() => Account, {
    nullable: true,
    description: 'One account; null if there is no such account. Requires an administrator.',
  })
  async account(
    @Arg('id', () => ID, { description: "The account's id." }) id: string,
    @Ctx() { caller, accounts }: Context,
  ): Promise<Account | null> {
    permitAdministrator(caller);
    const account = await accounts.administration.find(id);
    return account && Account.of(account);
  }

  @Query(() => AccountConnection, {
    nullable: true,
    description: 'All accounts, newest first. The list can be read only forward. Requires an administrator.',
  })
  async accounts(
    @Arg('first', () => Int, { defaultValue: 20, description: 'The maximum number of accounts to return, 1 to 100.' })
    first: number,
    @Arg('after', () => String, { nullable: true, description: 'The `endCursor` of the previous page.' })
    after: string | null | undefined,
    @Ctx() { caller, accounts }: Context,
  ): Promise<AccountConnection> {
    permitAdministrator(caller);
    const page = await accounts.administration.list({ first, after });
    const nodes = page.accounts.map((account) => Account.of(account));
    return {
      nodes,
      pageInfo: {
        hasNextPage: page.hasNextPage,
        hasPreviousPage: false,
        startCursor: nodes[0]?.id ?? null,
        endCursor: nodes.at(-1)?.id ?? after ?? null,
      },
    };
  }

  @Mutation(() => CreateAccountPayload, {
    nullable: true,
    description: 'Creates an active account and its first API key. Requires an administrator.',
  })
  async createAccount(
    @Arg('input', () => CreateAccountInput, { description: 'The account to create.' })
    { name, email, quotaLimit, monthlyLimit }: CreateAccountInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<CreateAccountPayload> {
    permitAdministrator(caller);
    const result = await accounts.administration.create(
      { name, email: email ?? null, limit: quotaLimit ?? null, monthlyLimit: monthlyLimit ?? null },
      ACTOR,
    );
    if (result.kind === 'invalid')
      return { key: null, account: null, userErrors: result.violations.map((violation) => InvalidInput.of(violation)) };
    return { key: result.issued.text, account: Account.of(result.account), userErrors: [] };
  }

  @Mutation(() => ChangeAccountPayload, {
    nullable: true,
    description: 'Activates a pending or disabled account. Requires an administrator.',
  })
  async approveAccount(
    @Arg('input', () => AccountQuotaInput, { description: 'The account and the changes to its quota.' })
    input: AccountQuotaInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<ChangeAccountPayload> {
    permitAdministrator(caller);
    return present(await accounts.administration.approve(input.id, quotaOf(input), ACTOR));
  }

  @Mutation(() => ChangeAccountPayload, {
    nullable: true,
    description:
      'Disables an account: all of its keys and tokens are rejected immediately. Its existing jobs continue to run. ' +
      'Requires an administrator.',
  })
  async disableAccount(
    @Arg('input', () => DisableAccountInput, { description: 'The account to disable.' }) { id }: DisableAccountInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<ChangeAccountPayload> {
    permitAdministrator(caller);
    return present(await accounts.administration.disable(id, ACTOR));
  }

  @Mutation(() => ChangeAccountPayload, {
    nullable: true,
    description: 'Changes the quota of an account. Requires an administrator.',
  })
  async setQuota(
    @Arg('input', () => AccountQuotaInput, { description: 'The account and the changes to its quota.' })
    input: AccountQuotaInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<ChangeAccountPayload> {
    permitAdministrator(caller);
    return present(await accounts.administration.setQuota(input.id, quotaOf(input), ACTOR));
  }
}

/** Returns the limits to change. An absent limit remains unchanged, while null removes the limit. */
const quotaOf = ({ quotaLimit, monthlyLimit }: AccountQuotaInput) => ({
  ...(quotaLimit !== undefined && { limit: quotaLimit }),
  ...(monthlyLimit !== undefined && { monthlyLimit }),
});

function present(result: AccountResult): ChangeAccountPayload {
  if (result.kind === 'invalid')
    return { account: null, userErrors: result.violations.map((violation) => InvalidInput.of(violation)) };
  return { account: Account.of(result.account), userErrors: [] };
}
