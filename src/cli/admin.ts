/**
 * `motion-gateway admin`: manages accounts and keys from a shell, beside a running gateway. A key is printed only once,
 * when it is created.
 */
import { scopes as allScopes, remainingOf, type Account, type Scope } from '../accounts/account.ts';
import { createAdministration, firstScopes } from '../accounts/administer.ts';
import { createKeys } from '../accounts/keys.ts';
import { createAccountsStore } from '../db/stores.ts';
import { CommandError, print, type Command, type CommandInput } from './command.ts';
import { readDatabaseSettings, withDatabase } from './database.ts';

const HELP = `Usage: motion-gateway admin <command>

  accounts list
  accounts create --name <text> [--email <address>] [--quota <jobs>] [--monthly <jobs>]
  accounts approve <account> [--quota <jobs>|none] [--monthly <jobs>|none]
  accounts quota   <account> [--quota <jobs>|none] [--monthly <jobs>|none]
  accounts disable <account>
  keys list   <account>
  keys create <account> --name <text> [--scopes ${allScopes.join(',')}]
  keys revoke <account> <key id>
  quota check            compares every balance with its ledger; exits with 1 if any differs`;

/**
 * Maximum number of keys listed. All live keys are among them, unless `MAX_KEYS_PER_ACCOUNT` was raised above this
 * number.
 */
const MAX_LISTED = 100;

const ACTOR = 'command line';

/** Number of arguments that each command takes. */
const ARGUMENTS: Readonly<Record<string, number>> = {
  'accounts list': 0,
  'accounts create': 0,
  'accounts approve': 1,
  'accounts quota': 1,
  'accounts disable': 1,
  'keys list': 1,
  'keys create': 1,
  'keys revoke': 2,
  'quota check': 0,
};

interface Tools {
  readonly input: CommandInput;
  readonly store: ReturnType<typeof createAccountsStore>;
  readonly administration: ReturnType<typeof createAdministration>;
  readonly keys: ReturnType<typeof createKeys>;
  readonly accountId: string;
  readonly keyId: string;
  /** Limits to set: an absent limit is left unchanged, and null (`none`) removes it. */
  readonly quota: { readonly limit?: number | null; readonly monthlyLimit?: number | null };
  readonly scopes: readonly Scope[];
}

export const admin: Command = {
  help: HELP,
  options: ['name', 'email', 'quota', 'monthly', 'scopes'],
  async run(input) {
    const [what = '', action = '', accountId = '', keyId = ''] = input.positionals;
    const name = `${what} ${action}`;
    if (input.positionals.length - 2 !== ARGUMENTS[name]) throw new CommandError(HELP, 2);
    const quota = { ...limitOf(input, 'quota', 'limit'), ...limitOf(input, 'monthly', 'monthlyLimit') };
    const scopes = toScopes(textOf(input, 'scopes'));
    const config = readDatabaseSettings();
    return withDatabase(config, (connections) => {
      const store = createAccountsStore(connections);
      return run(name, {
        input,
        store,
        administration: createAdministration(store),
        keys: createKeys(store, config.MAX_KEYS_PER_ACCOUNT),
        accountId,
        keyId,
        quota,
        scopes,
      });
    });
  },
};

async function run(name: string, tools: Tools): Promise<number> {
  const { input, administration, accountId, quota } = tools;
  switch (name) {
    case 'accounts list': {
      const accounts = await listAccounts(tools);
      print(input, accounts.map(viewOf), accounts.map(lineOf));
      return 0;
    }
    case 'accounts create': {
      const made = checked(
        await administration.create(
          {
            name: textOf(input, 'name') ?? '',
            email: textOf(input, 'email') ?? null,
            limit: quota.limit ?? null,
            monthlyLimit: quota.monthlyLimit ?? null,
          },
          ACTOR,
        ),
      );
      print(input, { account: viewOf(made.account), key: made.issued.text }, [
        lineOf(made.account),
        `key ${made.issued.text}`,
      ]);
      return 0;
    }
    case 'accounts approve':
      return tell(input, checked(await administration.approve(accountId, quota, ACTOR)).account);
    case 'accounts quota':
      return tell(input, checked(await administration.setQuota(accountId, quota, ACTOR)).account);
    case 'accounts disable':
      return tell(input, checked(await administration.disable(accountId, ACTOR)).account);
    case 'quota check':
      return checkQuota(tools);
    default:
      return runKeys(name, tools);
  }
}

async function runKeys(
  name: string,
  { input, administration, keys, accountId, keyId, scopes }: Tools,
): Promise<number> {
  if (!(await administration.find(accountId))) throw new CommandError('There is no such account.');
  if (name === 'keys list') {
    const listed = await keys.list(accountId, MAX_LISTED);
    const views = listed.map(({ id, name: label, lastFour, scopes: granted, expiresAt, revokedAt }) => ({
      id,
      name: label,
      lastFour,
      scopes: granted,
      expiresAt,
      revokedAt,
    }));
    print(
      input,
      views,
      views.map((key) =>
        [
          key.id,
          `...${key.lastFour}`,
          key.name,
          key.scopes.join(','),
          key.revokedAt ? 'revoked' : key.expiresAt ? `until ${key.expiresAt.toISOString()}` : 'live',
        ].join('  '),
      ),
    );
  } else if (name === 'keys create') {
    const { issued } = checked(
      await keys.create(accountId, { name: textOf(input, 'name') ?? '', scopes, expiresAt: null }, ACTOR),
    );
    print(input, { key: issued.text }, [`key ${issued.text}`]);
  } else {
    const { apiKey } = checked(await keys.revoke(accountId, keyId, ACTOR));
    print(input, { id: apiKey.id, revoked: true }, [`...${apiKey.lastFour} is revoked`]);
  }
  return 0;
}

async function listAccounts({ administration }: Tools): Promise<readonly Account[]> {
  const accounts: Account[] = [];
  for (let after: string | null = null; ; after = accounts.at(-1)!.id) {
    const page: Awaited<ReturnType<typeof administration.list>> = await administration.list({ first: 100, after });
    accounts.push(...page.accounts);
    if (!page.hasNextPage) return accounts;
  }
}

async function checkQuota({ input, store }: Tools): Promise<number> {
  const imbalances = await store.findImbalances();
  print(input, imbalances, [
    ...imbalances.map((imbalance) => JSON.stringify(imbalance)),
    `${imbalances.length} balances differ from their ledgers`,
  ]);
  return imbalances.length > 0 ? 1 : 0;
}

function viewOf({ id, name, email, status, quota }: Account) {
  return { id, name, email, status, quota, remaining: remainingOf(quota) };
}

function lineOf({ id, name, email, status, quota }: Account): string {
  const left = remainingOf(quota);
  return [
    id,
    status,
    left === null ? 'no limit' : `${left} jobs left`,
    `${quota.used} used`,
    `${quota.reserved} reserved`,
    name,
    email ?? '',
  ]
    .join('  ')
    .trim();
}

function tell(input: CommandInput, account: Account): number {
  print(input, viewOf(account), [lineOf(account)]);
  return 0;
}

const textOf = ({ options }: CommandInput, name: string): string | undefined => options[name] as string | undefined;

function limitOf(
  input: CommandInput,
  option: string,
  name: 'limit' | 'monthlyLimit',
): { [K in typeof name]?: number | null } {
  const text = textOf(input, option);
  if (text === undefined) return {};
  if (text === 'none') return { [name]: null };
  if (!/^\d{1,9}$/.test(text)) throw new CommandError(`--${option} must be a number of jobs, or none.`, 2);
  return { [name]: Number(text) };
}

function toScopes(text: string | undefined): readonly Scope[] {
  if (text === undefined) return firstScopes;
  return text.split(',').map((name) => {
    const scope = allScopes.find((known) => known === name);
    if (scope === undefined)
      throw new CommandError(`There is no scope ${name}; the scopes are ${allScopes.join(', ')}.`, 2);
    return scope;
  });
}

function checked<T extends { readonly kind: string }>(result: T): Exclude<T, { readonly kind: 'invalid' }> {
  if (result.kind === 'invalid')
    throw new CommandError(
      (result as unknown as { violations: readonly { message: string }[] }).violations
        .map(({ message }) => message)
        .join('\n'),
    );
  return result as Exclude<T, { readonly kind: 'invalid' }>;
}
