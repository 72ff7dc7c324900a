/**
 * The interface that this core requires of its store. `src/db/` implements it with PostgreSQL.
 */
import type { Account, AccountStatus, ApiKey, Quota, Scope } from './account.ts';
import type { Transaction } from '../transaction.ts';

interface NewAccount {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly status: AccountStatus;
  readonly limit: number | null;
  readonly monthlyLimit: number | null;
}

export interface NewApiKey {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly hash: string;
  readonly lastFour: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
}

/** A key that is valid now, with its account. */
interface FoundKey {
  readonly key: ApiKey;
  readonly account: Pick<Account, 'id' | 'status' | 'tokenEpoch'>;
}

/** A change in the account log, with its author. Nothing in it is secret. */
interface Change {
  readonly accountId: string;
  /** `administrator`, `command line`, `applicant`, `gateway`, or `key <id>`. */
  readonly actor: string;
  readonly action: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The action that the account log records for an application. */
export const ACQUIRED = 'acquired access';

export interface AccountRecords {
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  insertAccount(tx: Transaction, account: NewAccount): Promise<Account>;
  findAccount(accountId: string): Promise<Account | null>;
  /** Lists accounts by id, the newest first. */
  listAccounts(afterId: string | null, limit: number): Promise<readonly Account[]>;
  /** Locks the e-mail address until `tx` ends and returns true if an account already has it. */
  isKnownEmail(tx: Transaction, email: string): Promise<boolean>;
  /** Changes the given properties. Resolves with null if there is no such account. */
  changeAccount(
    tx: Transaction,
    accountId: string,
    change: {
      readonly status?: AccountStatus;
      readonly limit?: number | null;
      readonly monthlyLimit?: number | null;
      readonly nextEpoch?: true;
    },
  ): Promise<Account | null>;
}

export interface KeyRecords {
  insertKey(tx: Transaction, key: NewApiKey): Promise<ApiKey>;
  /**
   * Creates a key with this hash if there is none, and revives one that was ended only by `endKey`; a revoked key stays
   * revoked.
   */
  ensureKey(tx: Transaction, key: NewApiKey): Promise<void>;
  /** Ends the key with this hash now. Resolves with null if there is none or it has already ended. */
  endKey(tx: Transaction, hash: string): Promise<ApiKey | null>;
  /** Lists live keys first, then those that have ended; the newest first in each group. */
  listKeys(accountId: string, limit: number): Promise<readonly ApiKey[]>;
  /** Returns a key that has not ended, with the expiry that it was created with. */
  findLiveKey(
    tx: Transaction,
    accountId: string,
    keyId: string,
  ): Promise<(ApiKey & { readonly madeToExpireAt: Date | null }) | null>;
  countLiveKeys(tx: Transaction, accountId: string): Promise<number>;
  /** Revokes a key. Resolves with null if the account has no such key or it has already ended. */
  revokeKey(tx: Transaction, accountId: string, keyId: string): Promise<ApiKey | null>;
  /**
   * Sets a key to end in `inSeconds`, unless it ends earlier. Resolves with null if the account has no such key or it
   * has already ended.
   */
  expireKey(tx: Transaction, accountId: string, keyId: string, inSeconds: number): Promise<ApiKey | null>;
  /** Returns a key that has not ended, of an account that is not disabled. */
  findKey(hash: string): Promise<FoundKey | null>;
  /** Returns the reason why `findKey` does not find a key; null for one that never existed. */
  findKeyEnd(hash: string): Promise<'revoked' | 'expired' | 'disabled' | null>;
  /**
   * Returns the keys among `keyIds` that have not ended, and the epochs of the accounts among `accountIds` that are not
   * disabled.
   */
  findLive(
    keyIds: readonly string[],
    accountIds: readonly string[],
  ): Promise<{ readonly keyIds: ReadonlySet<string>; readonly epochs: ReadonlyMap<string, number> }>;
  noteUse(keyId: string): Promise<void>;
  /**
   * Deletes up to `limit` keys that ended more than `days` ago, the oldest first, except those with a hash in
   * `sparedHashes`. Resolves with their number.
   */
  deleteEndedKeysByAge(days: number, limit: number, sparedHashes: readonly string[]): Promise<number>;
}

/** The log of changes of accounts and keys. */
export interface AccountLog {
  noteChange(tx: Transaction, change: Change): Promise<void>;
  /**
   * Returns the number of applicants that were granted a quota in the last `sinceSeconds`. Concurrent calls wait until
   * `tx` ends.
   */
  countGrants(tx: Transaction, sinceSeconds: number): Promise<number>;
  /** Deletes up to `limit` entries older than `days`, the oldest first. Resolves with their number. */
  deleteChangesByAge(days: number, limit: number): Promise<number>;
}

/** Rate limit windows that all instances share. */
export interface RateWindows {
  /**
   * Increments the current window of each subject, over all instances. Resolves with the windows, in the order of
   * `subjects`. The counts are lost if the database crashes.
   */
  countInWindow(subjects: readonly string[], windowSeconds: number): Promise<readonly Window[]>;
  /** Deletes up to `limit` windows that began more than `days` ago, the oldest first. Resolves with their number. */
  deleteWindowsByAge(days: number, limit: number): Promise<number>;
}

export interface UsageReader {
  usage(accountId: string, from: Date, to: Date, by: UsageBy): Promise<readonly UsageBucket[]>;
}

/** Everything that the core stores about accounts, apart from quota. */
export interface AccountStore extends AccountRecords, KeyRecords, AccountLog, RateWindows, UsageReader {}

export const usageGroups = ['DAY', 'MODE', 'MODEL'] as const;
export type UsageBy = (typeof usageGroups)[number];

export interface UsageBucket {
  /** A day (UTC), a mode, or a model; null if the upstream chose the model. */
  readonly key: string | null;
  /** Number of jobs charged. */
  readonly jobs: number;
  /** Billed seconds of video. */
  readonly billedSeconds: number;
}

/** The properties of a job that its charge depends on. */
export interface ChargedJob {
  readonly id: string;
  readonly accountId: string;
  readonly billedSeconds: number | null;
  readonly mode: string;
  readonly model: string | null;
}

/** A rate limit window of one subject. */
interface Window {
  readonly count: number;
  /** Time until the window ends, rounded up. */
  readonly endsInSeconds: number;
}

/** The quota ledger and the balances that it adds up to. Each entry is made at most once for each job and kind. */
export interface QuotaStore {
  /**
   * Reserves one job in one guarded statement. Resolves with false if no quota is left or the account is not active.
   */
  reserve(tx: Transaction, accountId: string, jobId: string): Promise<boolean>;
  /** Charges what was reserved. A job that had been released is charged late, even if no quota is left. */
  charge(tx: Transaction, job: ChargedJob): Promise<void>;
  release(tx: Transaction, jobId: string): Promise<void>;
  quotaOf(tx: Transaction, accountId: string): Promise<Quota | null>;
  /** Returns the accounts whose balance differs from the sum of their ledger; there must never be any. */
  findImbalances(): Promise<readonly Imbalance[]>;
}

export interface Imbalance {
  readonly accountId: string;
  readonly used: number;
  readonly usedByLedger: number;
  readonly reserved: number;
  readonly reservedByLedger: number;
}
