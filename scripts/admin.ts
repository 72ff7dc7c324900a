/** Accounts and keys from a shell, beside a gateway that runs. What is printed as a key is printed this once. */
import { parseArgs } from 'node:util';
import { scopes as allScopes, remainingOf, type Account, type Scope } from '../src/accounts/account.ts';
import { createAdministration, firstScopes } from '../src/accounts/administer.ts';
import { createKeys } from '../src/accounts/keys.ts';
import { loadConfig } from '../src/config.ts';
import { closePool, createConnections } from '../src/db/client.ts';
import { findRunningServer } from '../src/db/embedded/running.ts';
import { createAccountsStore } from '../src/db/store.ts';

const USAGE = `Usage: npm run admin -- <command>

  accounts list
  accounts create --name <text> [--email <address>] [--quota <jobs>] [--monthly <jobs>]
  accounts approve <account> [--quota <jobs>|none] [--monthly <jobs>|none]
  accounts quota   <account> [--quota <jobs>|none] [--monthly <jobs>|none]
  accounts disable <account>
  keys list   <account>
  keys create <account> --name <text> [--scopes ${allScopes.join(',')}]
  keys revoke <account> <key id>
  quota check            compares every balance with its ledger; exits with 1 when one differs`;

/** Those that open something are among them: `MAX_KEYS_PER_ACCOUNT` is lower unless it was raised. */
const MAX_LISTED = 100;

const ACTOR = 'command line';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string' }, email: { type: 'string' }, quota: { type: 'string' }, monthly: { type: 'string' }, scopes: { type: 'string' } },
});
const [what, command, accountId = '', keyId = ''] = positionals;

/** Absent leaves it as it is; `none` is no limit. */
const quota = { ...(values.quota !== undefined && { limit: toLimit(values.quota) }), ...(values.monthly !== undefined && { monthlyLimit: toLimit(values.monthly) }) };

// The key and the secret do not matter here.
const config = loadConfig({ API_KEY: 'not-used-not-used', APP_SECRET: 'not-used'.repeat(4), ...process.env });
const url = config.DATABASE_URL ?? (await findRunningServer(config.DATA_DIR));
if (url === null) end(1, `No gateway runs on ${config.DATA_DIR}: start it, or set DATA_DIR or DATABASE_URL as it has them.`);
const connections = createConnections(url, 2, (error) => console.error(error.message));
const store = createAccountsStore(connections);
const administration = createAdministration(store);
const keys = createKeys(store, config.MAX_KEYS_PER_ACCOUNT);
try {
  await run();
} finally {
  await closePool(connections);
}

async function run(): Promise<void> {
  switch (`${what} ${command}`) {
    case 'accounts list': {
      for (let after: string | null = null; ; ) {
        const page: Awaited<ReturnType<typeof administration.list>> = await administration.list({ first: 100, after });
        for (const account of page.accounts) tell(account);
        if (!page.hasNextPage) return;
        after = page.accounts.at(-1)!.id;
      }
    }
    case 'accounts create': {
      const made = checked(await administration.create({ name: values.name ?? '', email: values.email ?? null, limit: quota.limit ?? null, monthlyLimit: quota.monthlyLimit ?? null }, ACTOR));
      tell(made.account);
      return console.log(`key ${made.issued.text}`);
    }
    case 'accounts approve':
      return tell(checked(await administration.approve(accountId, quota, ACTOR)).account);
    case 'accounts quota':
      return tell(checked(await administration.setQuota(accountId, quota, ACTOR)).account);
    case 'accounts disable':
      return tell(checked(await administration.disable(accountId, ACTOR)).account);
    case 'keys list': {
      for (const { id, name, lastFour, scopes, expiresAt, revokedAt } of await keys.list(accountId, MAX_LISTED)) console.log([id, `...${lastFour}`, name, scopes.join(','), revokedAt ? 'revoked' : expiresAt ? `until ${expiresAt.toISOString()}` : 'live'].join('  '));
      return;
    }
    case 'keys create': {
      if (!(await administration.find(accountId))) return end(1, 'There is no such account.');
      const { issued } = checked(await keys.create(accountId, { name: values.name ?? '', scopes: toScopes(values.scopes), expiresAt: null }, ACTOR));
      return console.log(`key ${issued.text}`);
    }
    case 'keys revoke':
      return console.log(`...${checked(await keys.revoke(accountId, keyId, ACTOR)).apiKey.lastFour} is revoked`);
    case 'quota check': {
      const imbalances = await store.findImbalances();
      for (const imbalance of imbalances) console.log(JSON.stringify(imbalance));
      console.log(`${imbalances.length} balances differ from their ledgers`);
      if (imbalances.length > 0) process.exitCode = 1;
      return;
    }
    default:
      end(2, USAGE);
  }
}

function tell({ id, name, email, status, quota: { used, reserved, ...limits } }: Account): void {
  const left = remainingOf({ used, reserved, ...limits });
  console.log([id, status, left === null ? 'no limit' : `${left} jobs left`, `${used} used`, `${reserved} reserved`, name, email ?? ''].join('  ').trim());
}

function toLimit(text: string): number | null {
  if (text === 'none') return null;
  if (!/^\d{1,9}$/.test(text)) end(2, 'A quota is a number of jobs, or none.');
  return Number(text);
}

function toScopes(text: string | undefined): readonly Scope[] {
  if (text === undefined) return firstScopes;
  return text.split(',').map((name) => allScopes.find((scope) => scope === name) ?? end(2, `There is no scope ${name}: there are ${allScopes.join(', ')}.`));
}

function checked<T extends { readonly kind: string }>(result: T): Exclude<T, { readonly kind: 'invalid' }> {
  if (result.kind === 'invalid') end(1, (result as unknown as { violations: readonly { message: string }[] }).violations.map(({ message }) => message).join('\n'));
  return result as Exclude<T, { readonly kind: 'invalid' }>;
}

function end(code: number, message: string): never {
  console.error(message);
  process.exit(code);
}
