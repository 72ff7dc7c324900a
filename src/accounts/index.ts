/** The second core: accounts, their keys and tokens, and their quota. */
import { isStorableTime, storableTimes } from '../time/storable-time.ts';
import { createAcquire, type Acquire, type Registration } from './acquire.ts';
import { createAdministration, firstScopes, type Administration } from './administer.ts';
import type { Account, Scope } from './account.ts';
import { hashApiKey } from './api-key.ts';
import { checkScopes, violation, accountLimits, type AccountViolation } from './account-rules.ts';
import { createAuthenticate, findEnded, type Authenticate } from './authenticate.ts';
import type { Caller } from './caller.ts';
import { createClientTokens, MAX_TTL_SECONDS, MIN_TTL_SECONDS } from './client-token.ts';
import { ForbiddenError, type WhyRefused } from './errors.ts';
import { createExplainRefusal, type ExplainRefusal } from './explain-refusal.ts';
import { createKeys, toNewKey, type Keys } from './keys.ts';
import { createLimits, type LimitNumbers, type Limits } from './limits.ts';
import type { AccountStore, QuotaStore, UsageBucket, UsageBy } from './ports.ts';
import { createQuotaEffects, type QuotaEffects } from './quota.ts';
import { InvalidArgumentError } from '../errors.ts';

export interface AccountsDeps {
  readonly store: AccountStore & QuotaStore;
  readonly appSecrets: readonly string[];
  readonly administratorKey: string;
  readonly registration: Registration;
  /** Maximum number of live keys of one account. */
  readonly maxLiveKeys: number;
  readonly limits: LimitNumbers & { readonly unknownKeysPerMinute: number };
}

interface TokenRequest {
  readonly scopes: readonly Scope[];
  readonly jobIds: readonly string[] | null;
  readonly ttlSeconds: number;
}

type TokenResult =
  | { readonly kind: 'minted'; readonly token: string; readonly expiresAt: Date }
  | { readonly kind: 'invalid'; readonly violations: readonly AccountViolation[] };

/** The operations available to clients. */
export interface Accounts {
  readonly authenticate: Authenticate;
  readonly explainRefusal: ExplainRefusal;
  /** Returns the callers of open sockets that are no longer authorized, with the reason. */
  findEnded(callers: readonly Caller[]): Promise<ReadonlyMap<Caller, WhyRefused>>;
  readonly acquire: Acquire;
  readonly administration: Administration;
  readonly keys: Keys;
  readonly limits: Limits;
  /** Mints a token for browsers. Requires an API key; the token has at most the scopes of the key. */
  mintToken(caller: Caller, request: TokenRequest): Promise<TokenResult>;
  /** Invalidates all client tokens of the account from now on. Resolves with null if there is no such account. */
  revokeTokens(accountId: string, actor: string): Promise<Account | null>;
  /** Returns what was charged between two times, at most 366 days apart. */
  usage(accountId: string, from: Date, to: Date, by: UsageBy): Promise<readonly UsageBucket[]>;
}

export interface AccountsCore extends Accounts {
  readonly quota: QuotaEffects;
  /** Makes `text` a key of the account, for an open sandbox. */
  ensureKey(accountId: string, text: string, name: string): Promise<void>;
  /** Ends the key, if it exists, until `ensureKey` is called for it. */
  endKey(text: string): Promise<void>;
}

const MAX_USAGE_MS = 366 * 86_400_000;

/** The scopes that a token can have at most; a token never administers the account. */
const tokenScopes: readonly Scope[] = ['jobs:read', 'jobs:write'];

export function createAccounts({
  store,
  appSecrets,
  administratorKey,
  registration,
  maxLiveKeys,
  limits,
}: AccountsDeps): AccountsCore {
  const tokens = createClientTokens(appSecrets);
  return {
    authenticate: createAuthenticate({
      store,
      tokens,
      administratorKey,
      admitsAnonymous: registration.isOpen,
      unknownKeysPerMinute: limits.unknownKeysPerMinute,
    }),
    explainRefusal: createExplainRefusal(store, tokens),
    findEnded: (callers) => findEnded(store, callers),
    acquire: createAcquire(store, registration),
    administration: createAdministration(store),
    keys: createKeys(store, maxLiveKeys),
    limits: createLimits(store, limits),

    async mintToken(caller, { scopes, jobIds, ttlSeconds }) {
      if (caller.kind !== 'key') throw new ForbiddenError('Only an API key can create client tokens.');
      const violations = [
        ...checkScopes(
          scopes,
          tokenScopes.filter((scope) => caller.scopes.includes(scope)),
        ),
        ...checkJobIds(jobIds, scopes),
      ];
      if (!(Number.isInteger(ttlSeconds) && ttlSeconds >= MIN_TTL_SECONDS && ttlSeconds <= MAX_TTL_SECONDS))
        violations.push(
          violation(
            'INVALID_FORMAT',
            'ttlSeconds',
            `The lifetime of a token must be between ${MIN_TTL_SECONDS} and ${MAX_TTL_SECONDS} seconds.`,
          ),
        );
      if (violations.length > 0) return { kind: 'invalid', violations };
      const account = await store.findAccount(caller.accountId!);
      if (!account) throw new ForbiddenError('The account no longer exists.');
      return {
        kind: 'minted',
        ...(await tokens.sign(
          {
            accountId: account.id,
            keyId: caller.keyId!,
            scopes,
            jobIds: jobIds?.map((id) => id.toLowerCase()) ?? null,
            epoch: account.tokenEpoch,
          },
          ttlSeconds,
        )),
      };
    },

    revokeTokens: (accountId, actor) =>
      store.transaction(async (tx) => {
        const account = await store.changeAccount(tx, accountId, { nextEpoch: true });
        if (account) await store.noteChange(tx, { accountId, actor, action: 'revoked all client tokens' });
        return account;
      }),

    async usage(accountId, from, to, by) {
      if (!isStorableTime(from) || !isStorableTime(to)) throw new InvalidArgumentError(storableTimes);
      if (!(to > from && to.getTime() - from.getTime() <= MAX_USAGE_MS))
        throw new InvalidArgumentError('"to" must be later than "from", by at most 366 days.');
      return store.usage(accountId, from, to, by);
    },

    quota: createQuotaEffects(store),
    ensureKey: (accountId, text, name) =>
      store.transaction((tx) =>
        store.ensureKey(tx, toNewKey(text, { accountId, name, scopes: firstScopes, expiresAt: null })),
      ),
    endKey: (text) =>
      store.transaction(async (tx) => {
        const ended = await store.endKey(tx, hashApiKey(text));
        if (ended)
          await store.noteChange(tx, {
            accountId: ended.accountId,
            actor: 'gateway',
            action: 'ended a key',
            details: { keyId: ended.id },
          });
      }),
  };
}

function checkJobIds(jobIds: readonly string[] | null, scopes: readonly Scope[]): AccountViolation[] {
  if (jobIds === null) return [];
  if (jobIds.length === 0 || jobIds.length > accountLimits.jobIds)
    return [violation('TOO_MANY', 'jobIds', `Specify 1 to ${accountLimits.jobIds} jobs, or null for all jobs.`)];
  if (jobIds.some((id) => id.length > 36))
    return [violation('TOO_LONG', 'jobIds', 'A job id must have at most 36 characters.')];
  return scopes.includes('jobs:write')
    ? [
        violation(
          'INVALID_FORMAT',
          'scopes',
          'A token that is limited to certain jobs cannot have the scope jobs:write.',
        ),
      ]
    : [];
}
