/** What this core needs of its store. `src/db/` fits it to PostgreSQL. `Tx` is the store's own open transaction. */
import type { Account, AccountStatus, ApiKey, Quota, Scope } from './account.ts';

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

/** What a credential leads to: only what may be used now. */
interface FoundKey {
  readonly key: ApiKey;
  readonly account: Pick<Account, 'id' | 'status' | 'tokenEpoch'>;
}

/** Who has changed what. Nothing in it is secret. */
interface Change {
  readonly accountId: string;
  /** `administrator`, `command line`, `applicant`, `gateway`, or `key <id>`. */
  readonly actor: string;
  readonly action: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What an application is in the log. */
export const ACQUIRED = 'acquired access';

export interface AccountStore<Tx> {
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  insertAccount(tx: Tx, account: NewAccount): Promise<Account>;
  findAccount(accountId: string): Promise<Account | null>;
  /** Newest first, by id. */
  listAccounts(afterId: string | null, limit: number): Promise<readonly Account[]>;
  /** Whether somebody has given this address before; asked under a lock on the address that `tx` then holds. */
  isKnownEmail(tx: Tx, email: string): Promise<boolean>;
  /** Null when there is no such account. */
  changeAccount(
    tx: Tx,
    accountId: string,
    change: {
      readonly status?: AccountStatus;
      readonly limit?: number | null;
      readonly monthlyLimit?: number | null;
      readonly nextEpoch?: true;
    },
  ): Promise<Account | null>;

  insertKey(tx: Tx, key: NewApiKey): Promise<ApiKey>;
  /**
   * Has a key with this hash, made now if there is none, and not ended if it was only by `endKey`; a revoked one stays
   * revoked.
   */
  ensureKey(tx: Tx, key: NewApiKey): Promise<void>;
  /** Ends the key with this hash now. Null when there is none, or it has ended. */
  endKey(tx: Tx, hash: string): Promise<ApiKey | null>;
  /** Live ones first, then the newest. */
  listKeys(accountId: string, limit: number): Promise<readonly ApiKey[]>;
  /** One that has not ended, with the end that it was made with. */
  findLiveKey(
    tx: Tx,
    accountId: string,
    keyId: string,
  ): Promise<(ApiKey & { readonly madeToExpireAt: Date | null }) | null>;
  countLiveKeys(tx: Tx, accountId: string): Promise<number>;
  /** Null when the account has no such key, or it has ended already. */
  revokeKey(tx: Tx, accountId: string, keyId: string): Promise<ApiKey | null>;
  /**
   * Ends it in `inSeconds`, or earlier if that was set already. Null when the account has no such key, or it has ended.
   */
  expireKey(tx: Tx, accountId: string, keyId: string, inSeconds: number): Promise<ApiKey | null>;
  /** A key that has not ended, of an account that is not disabled. */
  findKey(hash: string): Promise<FoundKey | null>;
  /** Why `findKey` does not find a key; null for one that never was. */
  findKeyEnd(hash: string): Promise<'revoked' | 'expired' | 'disabled' | null>;
  /**
   * Of these keys, those that `findKey` would still find; and of these accounts, the epochs of those that are not
   * disabled.
   */
  findLive(
    keyIds: readonly string[],
    accountIds: readonly string[],
  ): Promise<{ readonly keyIds: ReadonlySet<string>; readonly epochs: ReadonlyMap<string, number> }>;
  noteUse(keyId: string): Promise<void>;

  noteChange(tx: Tx, change: Change): Promise<void>;
  /** How many applicants were given a quota since so many seconds; whoever asks next waits for `tx`. */
  countGrants(tx: Tx, sinceSeconds: number): Promise<number>;
  /**
   * Counts one more in each subject's window of now, over all instances, and resolves with them, in the order of
   * `subjects`. A crash of the database forgets them.
   */
  countInWindow(subjects: readonly string[], windowSeconds: number): Promise<readonly Window[]>;

  /**
   * Deletes up to `limit`, the oldest first: keys by when they ended, windows by when they began. Each resolves with
   * how many went.
   */
  deleteEndedKeysByAge(days: number, limit: number, sparedHashes: readonly string[]): Promise<number>;
  deleteChangesByAge(days: number, limit: number): Promise<number>;
  deleteWindowsByAge(days: number, limit: number): Promise<number>;

  usage(accountId: string, from: Date, to: Date, by: UsageBy): Promise<readonly UsageBucket[]>;
}

export const usageGroups = ['DAY', 'MODE', 'MODEL'] as const;
export type UsageBy = (typeof usageGroups)[number];

export interface UsageBucket {
  /** A day of UTC, a mode, or a model; null where the upstream chose the model. */
  readonly key: string | null;
  /** Jobs that were charged. */
  readonly jobs: number;
  /** Seconds of video. */
  readonly billedSeconds: number;
}

/** What of a job its charge depends on. */
export interface ChargedJob {
  readonly id: string;
  readonly accountId: string;
  readonly billedSeconds: number | null;
  readonly mode: string;
  readonly model: string | null;
}

/** The ledger and the balance that it adds up to. Each entry is made at most once for each job and kind. */
interface Window {
  readonly count: number;
  /** Rounded up. */
  readonly endsInSeconds: number;
}

export interface QuotaStore<Tx> {
  /** Reserves one job in one guarded statement; false when nothing is left, or the account is not active. */
  reserve(tx: Tx, accountId: string, jobId: string): Promise<boolean>;
  /** Charges what was reserved; what had been released is charged late, whatever is left. */
  charge(tx: Tx, job: ChargedJob): Promise<void>;
  release(tx: Tx, jobId: string): Promise<void>;
  quotaOf(tx: Tx, accountId: string): Promise<Quota | null>;
  /** Accounts whose balance is not what their ledger adds up to; none, ever. */
  findImbalances(): Promise<readonly Imbalance[]>;
}

export interface Imbalance {
  readonly accountId: string;
  readonly used: number;
  readonly usedByLedger: number;
  readonly reserved: number;
  readonly reservedByLedger: number;
}
