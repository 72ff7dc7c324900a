/** Creates, rotates and revokes the keys of an account. The text of a key is shown once and never stored. */
import { v7 as uuidv7 } from 'uuid';
import { isStorableTime, lastStorableTime, storableTimes } from '../time/storable-time.ts';
import type { ApiKey, Scope } from './account.ts';
import { checkName, checkScopes, violation, type AccountViolation } from './account-rules.ts';
import { hashApiKey, lastFourOf, makeApiKey } from './api-key.ts';
import type { AccountStore, NewApiKey } from './ports.ts';
import { InvalidArgumentError } from '../errors.ts';
import type { Transaction } from '../transaction.ts';

export interface IssuedKey {
  /** The key itself. */
  readonly text: string;
  readonly apiKey: ApiKey;
}

export interface KeyRequest {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
}

type Invalid = { readonly kind: 'invalid'; readonly violations: readonly AccountViolation[] };
export type IssueResult = { readonly kind: 'issued'; readonly issued: IssuedKey } | Invalid;
type RevokeResult = { readonly kind: 'revoked'; readonly apiKey: ApiKey } | Invalid;

export interface Keys {
  create(accountId: string, request: KeyRequest, actor: string): Promise<IssueResult>;
  /**
   * Creates a new key like the old one, which ends after the overlap, so that clients can switch without a gap. If the
   * old key was created with an expiry, the new one gets the same lifetime, up to the end of the year 9999.
   */
  rotate(accountId: string, keyId: string, overlapSeconds: number, actor: string): Promise<IssueResult>;
  /** Revokes a key: it is rejected from now on, and its sockets close within a minute. */
  revoke(accountId: string, keyId: string, actor: string): Promise<RevokeResult>;
  /** Lists live keys first, then those that have ended; the newest first in each group. */
  list(accountId: string, first: number): Promise<readonly ApiKey[]>;
}

const MAX_OVERLAP_SECONDS = 30 * 86_400;

const MAX_PAGE = 100;

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
const unknownKey: Invalid = {
  kind: 'invalid',
  violations: [violation('NOT_FOUND', 'id', 'There is no such key, or it has expired or was revoked.')],
};

const tooManyKeys = (field: string, max: number): Invalid => ({
  kind: 'invalid',
  violations: [violation('TOO_MANY', field, `An account can have at most ${max} active keys: revoke one first.`)],
});

export function createKeys(store: AccountStore, maxLiveKeys: number): Keys {
  return {
    async create(accountId, { name, scopes, expiresAt }, actor) {
      const violations = [...checkName(name), ...checkScopes(scopes)];
      if (expiresAt && expiresAt.getTime() <= Date.now())
        violations.push(violation('INVALID_FORMAT', 'expiresAt', 'The expiry of a key must be in the future.'));
      if (expiresAt && !isStorableTime(expiresAt))
        violations.push(violation('INVALID_FORMAT', 'expiresAt', storableTimes));
      if (violations.length > 0) return { kind: 'invalid', violations };
      return store.transaction(async (tx): Promise<IssueResult> => {
        if ((await store.countLiveKeys(tx, accountId)) >= maxLiveKeys) return tooManyKeys('name', maxLiveKeys);
        return { kind: 'issued', issued: await issueKey(store, tx, { accountId, name, scopes, expiresAt }, actor) };
      });
    },

    async rotate(accountId, keyId, overlapSeconds, actor) {
      if (!(overlapSeconds >= 0 && overlapSeconds <= MAX_OVERLAP_SECONDS))
        return {
          kind: 'invalid',
          violations: [
            violation(
              'INVALID_FORMAT',
              'overlapSeconds',
              `The overlap must be between 0 and ${MAX_OVERLAP_SECONDS} seconds.`,
            ),
          ],
        };
      if (!isUuid(keyId)) return unknownKey;
      return store.transaction(async (tx): Promise<IssueResult> => {
        // Without an overlap, the new key replaces the old one, and the count stays the same.
        if (overlapSeconds > 0 && (await store.countLiveKeys(tx, accountId)) >= maxLiveKeys)
          return tooManyKeys('overlapSeconds', maxLiveKeys);
        const old = await store.findLiveKey(tx, accountId, keyId);
        if (!old) return unknownKey;
        await store.expireKey(tx, accountId, keyId, overlapSeconds);
        const lifeMs = old.madeToExpireAt && old.madeToExpireAt.getTime() - old.createdAt.getTime();
        const expiresAt = lifeMs === null ? null : new Date(Math.min(Date.now() + lifeMs, lastStorableTime.getTime()));
        await store.noteChange(tx, { accountId, actor, action: 'rotated a key', details: { keyId, overlapSeconds } });
        return {
          kind: 'issued',
          issued: await issueKey(store, tx, { accountId, name: old.name, scopes: old.scopes, expiresAt }, actor),
        };
      });
    },

    async revoke(accountId, keyId, actor) {
      if (!isUuid(keyId)) return unknownKey;
      return store.transaction(async (tx): Promise<RevokeResult> => {
        const apiKey = await store.revokeKey(tx, accountId, keyId);
        if (!apiKey) return unknownKey;
        await store.noteChange(tx, { accountId, actor, action: 'revoked a key', details: { keyId } });
        return { kind: 'revoked', apiKey };
      });
    },

    async list(accountId, first) {
      if (!(first >= 1 && first <= MAX_PAGE))
        throw new InvalidArgumentError(`"first" must be between 1 and ${MAX_PAGE}.`);
      return store.listKeys(accountId, first);
    },
  };
}

/** Creates a key inside `tx`, with its entry in the account log. */
export async function issueKey(
  store: Pick<AccountStore, 'insertKey' | 'noteChange'>,
  tx: Transaction,
  request: KeyRequest & { readonly accountId: string },
  actor: string,
): Promise<IssuedKey> {
  const text = makeApiKey();
  const apiKey = await store.insertKey(tx, toNewKey(text, request));
  await store.noteChange(tx, {
    accountId: request.accountId,
    actor,
    action: 'made a key',
    details: { keyId: apiKey.id, name: request.name, scopes: request.scopes },
  });
  return { text, apiKey };
}

export const toNewKey = (text: string, request: KeyRequest & { readonly accountId: string }): NewApiKey => ({
  id: uuidv7(),
  hash: hashApiKey(text),
  lastFour: lastFourOf(text),
  ...request,
});
