/**
 * Authentication: resolves the credential that a client presents to a caller. Every request queries the database, so
 * that a revoked key is rejected from that moment on.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { scopes } from './account.ts';
import { hashApiKey, isApiKey } from './api-key.ts';
import { anonymous, type Caller } from './caller.ts';
import type { ClientTokens } from './client-token.ts';
import { type WhyRefused } from './errors.ts';
import type { AccountStore } from './ports.ts';
import { shareReads } from '../concurrency/coalesce-reads.ts';
import { createFindKnown } from './unknown-keys.ts';
import { InvalidArgumentError } from '../errors.ts';

/**
 * Authenticates a client. Takes the value of an `Authorization` header, or of `authorization` in `connection_init`; the
 * account that an administrator names; and the network address of the client. Resolves with null if the credential is
 * rejected. Rejects with `RateLimitedError` if the address has presented too many unknown keys, and with
 * `InvalidArgumentError` if an administrator names an account that does not exist.
 */
export type Authenticate = (authorization: unknown, namedAccount: unknown, address: string) => Promise<Caller | null>;

export interface AuthenticateDeps {
  readonly store: Pick<AccountStore, 'findAccount' | 'findKey' | 'findLive' | 'noteUse' | 'noteChange' | 'transaction'>;
  readonly tokens: Pick<ClientTokens, 'verify'>;
  readonly administratorKey: string;
  /** True if clients without a credential are admitted, so that they can apply for access. */
  readonly admitsAnonymous: boolean;
  /** Maximum number of unknown keys per minute from one address. */
  readonly unknownKeysPerMinute: number;
  /** Clock for the interval of `lastUsedAt`; the wall clock by default. */
  readonly nowMs?: () => number;
}

/** Minimum interval between writes of `lastUsedAt`, for each key and instance. */
const NOTE_USE_MS = 60_000;
const MAX_NOTED = 10_000;

export function createAuthenticate({
  store,
  tokens,
  administratorKey,
  admitsAnonymous,
  unknownKeysPerMinute,
  nowMs = Date.now,
}: AuthenticateDeps): Authenticate {
  // Coalesces concurrent reads: a client that opens a thousand sockets at once causes one or two queries.
  const findKnown = createFindKnown(shareReads(store.findKey), unknownKeysPerMinute);
  const administrator = digest(administratorKey);
  const noted = new Map<string, number>();

  function noteUse(keyId: string): void {
    const now = nowMs();
    if (now - (noted.get(keyId) ?? -Infinity) < NOTE_USE_MS) return;
    if (noted.size >= MAX_NOTED) noted.clear();
    noted.set(keyId, now);
    void store.noteUse(keyId).catch(() => noted.delete(keyId));
  }

  async function byKey(text: string, address: string): Promise<Caller | null> {
    const found = isApiKey(text) ? await findKnown(hashApiKey(text), address) : null;
    if (!found) return null;
    const { key, account } = found;
    noteUse(key.id);
    return {
      kind: 'key',
      accountId: account.id,
      scopes: key.scopes,
      jobIds: null,
      keyId: key.id,
      epoch: null,
      expiresAt: key.expiresAt,
    };
  }

  async function byToken(text: string): Promise<Caller | null> {
    const claims = await tokens.verify(text);
    if (!claims) return null;
    const { accountId, keyId, epoch, jobIds, expiresAt } = claims;
    const live = await store.findLive([keyId], [accountId]);
    if (!live.keyIds.has(keyId) || live.epochs.get(accountId) !== epoch) return null;
    return { kind: 'token', accountId, scopes: claims.scopes, jobIds, keyId, epoch, expiresAt };
  }

  async function asAdministrator(namedAccount: unknown): Promise<Caller> {
    const accountId = typeof namedAccount === 'string' && namedAccount !== '' ? namedAccount : null;
    // The store rejects text with NUL characters, so no account has such an id.
    const isUnknown = accountId !== null && (accountId.includes('\0') || !(await store.findAccount(accountId)));
    if (isUnknown) throw new InvalidArgumentError('There is no such account.');
    if (accountId !== null)
      await store.transaction((tx) =>
        store.noteChange(tx, { accountId, actor: 'administrator', action: 'acted for the account' }),
      );
    return {
      kind: 'administrator',
      accountId,
      scopes: scopes.filter((scope) => scope !== 'jobs:write'),
      jobIds: null,
      keyId: null,
      epoch: null,
      expiresAt: null,
    };
  }

  return async (authorization, namedAccount, address) => {
    if (authorization === undefined && admitsAnonymous) return anonymous;
    const credential = credentialOf(authorization);
    if (credential === null) return null;
    if (timingSafeEqual(digest(credential), administrator)) return asAdministrator(namedAccount);
    return credential.split('.').length === 3 ? byToken(credential) : byKey(credential, address);
  };
}

/** Returns the text after `Bearer`; null if the value has another form. */
export function credentialOf(authorization: unknown): string | null {
  const [, credential] = (typeof authorization === 'string' && /^Bearer +(\S{1,8192})$/i.exec(authorization)) || [];
  return credential ?? null;
}

/**
 * Returns a digest, because digests have equal lengths: `timingSafeEqual` throws on unequal ones, and comparing lengths
 * first would leak information about the key.
 */
const digest = (key: string): Buffer => createHash('sha256').update(key).digest();

/**
 * Returns the callers that are no longer authorized, with the reason: their key has ended, the epoch of their token is
 * over, or their account is disabled.
 */
export async function findEnded(
  store: Pick<AccountStore, 'findLive'>,
  callers: readonly Caller[],
): Promise<ReadonlyMap<Caller, WhyRefused>> {
  const unique = (values: readonly (string | null)[]): string[] => [
    ...new Set(values.filter((value) => value !== null)),
  ];
  const credentialed = callers.filter(({ keyId }) => keyId !== null);
  if (credentialed.length === 0) return new Map();
  const live = await store.findLive(
    unique(credentialed.map(({ keyId }) => keyId)),
    unique(credentialed.map(({ accountId }) => accountId)),
  );
  const whyEnded = ({ keyId, accountId, epoch, expiresAt }: Caller): WhyRefused | null => {
    if (!live.epochs.has(accountId!)) return 'disabled';
    if (live.keyIds.has(keyId!) && (epoch === null || live.epochs.get(accountId!) === epoch)) return null;
    return expiresAt !== null && expiresAt.getTime() <= Date.now() ? 'expired' : 'revoked';
  };
  return new Map(
    credentialed.flatMap((caller) => {
      const why = whyEnded(caller);
      return why === null ? [] : [[caller, why] as const];
    }),
  );
}
