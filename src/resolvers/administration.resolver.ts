/** Accounts as administrators see them. */
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
  @Query(() => Account, { nullable: true, description: 'One account; null when there is none. For administrators.' })
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
    description: 'All accounts, newest first, forward only. For administrators.',
  })
  async accounts(
    @Arg('first', () => Int, { defaultValue: 20, description: 'How many, 1 to 100.' }) first: number,
    @Arg('after', () => String, { nullable: true, description: 'The `endCursor` of the page before.' })
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
    description: 'Makes an active account and its first key. For administrators.',
  })
  async createAccount(
    @Arg('input', () => CreateAccountInput, { description: 'The account.' })
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
    description: 'Makes a pending or disabled account active. For administrators.',
  })
  async approveAccount(
    @Arg('input', () => AccountQuotaInput, { description: 'The account, and its quota.' }) input: AccountQuotaInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<ChangeAccountPayload> {
    permitAdministrator(caller);
    return present(await accounts.administration.approve(input.id, quotaOf(input), ACTOR));
  }

  @Mutation(() => ChangeAccountPayload, {
    nullable: true,
    description: 'Ends what the keys and tokens of an account open, at once. Its jobs go on. For administrators.',
  })
  async disableAccount(
    @Arg('input', () => DisableAccountInput, { description: 'The account.' }) { id }: DisableAccountInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<ChangeAccountPayload> {
    permitAdministrator(caller);
    return present(await accounts.administration.disable(id, ACTOR));
  }

  @Mutation(() => ChangeAccountPayload, {
    nullable: true,
    description: 'Changes what an account may use. For administrators.',
  })
  async setQuota(
    @Arg('input', () => AccountQuotaInput, { description: 'The account, and its quota.' }) input: AccountQuotaInput,
    @Ctx() { caller, accounts }: Context,
  ): Promise<ChangeAccountPayload> {
    permitAdministrator(caller);
    return present(await accounts.administration.setQuota(input.id, quotaOf(input), ACTOR));
  }
}

/** Absent and null differ: what is absent stays as it is. */
const quotaOf = ({ quotaLimit, monthlyLimit }: AccountQuotaInput) => ({
  ...(quotaLimit !== undefined && { limit: quotaLimit }),
  ...(monthlyLimit !== undefined && { monthlyLimit }),
});

function present(result: AccountResult): ChangeAccountPayload {
  if (result.kind === 'invalid')
    return { account: null, userErrors: result.violations.map((violation) => InvalidInput.of(violation)) };
  return { account: Account.of(result.account), userErrors: [] };
}
