/** Account administration. Every change is logged together with its author. */
import { v7 as uuidv7 } from 'uuid';
import type { Account, Scope } from './account.ts';
import { checkCount, checkEmail, checkName, violation, type AccountViolation } from './account-rules.ts';
import { issueKey, type IssuedKey } from './keys.ts';
import type { AccountStore } from './ports.ts';
import { InvalidArgumentError } from '../errors.ts';

interface AccountRequest {
  readonly name: string;
  readonly email: string | null;
  /** Number of jobs; null if unlimited. */
  readonly limit: number | null;
  readonly monthlyLimit: number | null;
}

export type AccountResult =
  | { readonly kind: 'done'; readonly account: Account }
  | { readonly kind: 'invalid'; readonly violations: readonly AccountViolation[] };

type CreatedAccount =
  | { readonly kind: 'created'; readonly account: Account; readonly issued: IssuedKey }
  | { readonly kind: 'invalid'; readonly violations: readonly AccountViolation[] };

/** Operations of administrators on accounts. */
export interface Administration {
  /** Creates an active account and its first key, which has all scopes. */
  create(request: AccountRequest, actor: string): Promise<CreatedAccount>;
  /**
   * Activates a pending or disabled account. In `quota`, null means unlimited, and an absent limit is left unchanged.
   */
  approve(accountId: string, quota: QuotaChange, actor: string): Promise<AccountResult>;
  /** Disables the account: its keys and tokens are rejected from now on. Its jobs continue and are charged. */
  disable(accountId: string, actor: string): Promise<AccountResult>;
  setQuota(accountId: string, quota: QuotaChange, actor: string): Promise<AccountResult>;
  find(accountId: string): Promise<Account | null>;
  list(page: {
    readonly first: number;
    readonly after?: string | null | undefined;
  }): Promise<{ readonly accounts: readonly Account[]; readonly hasNextPage: boolean }>;
}

interface QuotaChange {
  readonly limit?: number | null;
  readonly monthlyLimit?: number | null;
}

const MAX_PAGE = 100;

/** Scopes of the first key of an account. */
export const firstScopes: readonly Scope[] = ['jobs:read', 'jobs:write', 'account:admin'];

export function createAdministration(store: AccountStore): Administration {
  async function change(
    accountId: string,
    actor: string,
    action: string,
    patch: Parameters<AccountStore['changeAccount']>[2],
  ): Promise<AccountResult> {
    const violations = [...checkCount(patch.limit, 'quotaLimit'), ...checkCount(patch.monthlyLimit, 'monthlyLimit')];
    if (violations.length > 0) return { kind: 'invalid', violations };
    return store.transaction(async (tx): Promise<AccountResult> => {
      const account = await store.changeAccount(tx, accountId, patch);
      if (!account) return { kind: 'invalid', violations: [violation('NOT_FOUND', 'id', 'There is no such account.')] };
      await store.noteChange(tx, { accountId, actor, action, details: patch });
      return { kind: 'done', account };
    });
  }

  return {
    async create({ name, email, limit, monthlyLimit }, actor) {
      const violations = [
        ...checkName(name),
        ...(email === null ? [] : checkEmail(email)),
        ...checkCount(limit, 'quotaLimit'),
        ...checkCount(monthlyLimit, 'monthlyLimit'),
      ];
      if (violations.length > 0) return { kind: 'invalid', violations };
      return store.transaction(async (tx): Promise<CreatedAccount> => {
        const account = await store.insertAccount(tx, {
          id: uuidv7(),
          name,
          email: email?.toLowerCase() ?? null,
          status: 'ACTIVE',
          limit,
          monthlyLimit,
        });
        await store.noteChange(tx, {
          accountId: account.id,
          actor,
          action: 'created the account',
          details: { limit, monthlyLimit },
        });
        return {
          kind: 'created',
          account,
          issued: await issueKey(
            store,
            tx,
            { accountId: account.id, name: 'first', scopes: firstScopes, expiresAt: null },
            actor,
          ),
        };
      });
    },
    approve: (accountId, quota, actor) =>
      change(accountId, actor, 'approved the account', { status: 'ACTIVE', ...quota }),
    disable: (accountId, actor) =>
      change(accountId, actor, 'disabled the account', { status: 'DISABLED', nextEpoch: true }),
    setQuota: (accountId, quota, actor) => change(accountId, actor, 'set the quota', quota),
    find: store.findAccount,
    async list({ first, after }) {
      if (first < 1 || first > MAX_PAGE) throw new InvalidArgumentError(`"first" must be between 1 and ${MAX_PAGE}.`);
      const accounts = await store.listAccounts(after || null, first + 1);
      return { accounts: accounts.slice(0, first), hasNextPage: accounts.length > first };
    },
  };
}
