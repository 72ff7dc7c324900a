/** Accounts, the owners of jobs, keys and quota. */

/**
 * A `PENDING` account waits for approval by an administrator: it can read, but no jobs are accepted for it. All
 * credentials of a `DISABLED` account are rejected.
 */
export const accountStatuses = ['ACTIVE', 'PENDING', 'DISABLED'] as const;
export type AccountStatus = (typeof accountStatuses)[number];

/** Permissions that a credential can have on its account. */
export const scopes = ['jobs:read', 'jobs:write', 'account:admin'] as const;
export type Scope = (typeof scopes)[number];

/**
 * Quota in jobs. A job is reserved when it is accepted; it is charged when it succeeds and released at any other end.
 */
export interface Quota {
  /** Maximum number of jobs ever; null if unlimited. */
  readonly limit: number | null;
  readonly used: number;
  readonly reserved: number;
  /** Maximum number of jobs accepted in a calendar month (UTC), not counting released ones; null if unlimited. */
  readonly monthlyLimit: number | null;
  /** Number of jobs that count toward the monthly limit this month. */
  readonly monthlyTaken: number;
  /** Start of the next month; null without a monthly limit. */
  readonly resetsAt: Date | null;
}

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly status: AccountStatus;
  readonly quota: Quota;
  /** Current epoch of client tokens; tokens of an earlier epoch are rejected. */
  readonly tokenEpoch: number;
  readonly createdAt: Date;
}

/** Returns how many more jobs may be accepted now; null if unlimited. */
export function remainingOf({ limit, used, reserved, monthlyLimit, monthlyTaken }: Quota): number | null {
  const left = [
    limit === null ? null : limit - used - reserved,
    monthlyLimit === null ? null : monthlyLimit - monthlyTaken,
  ].filter((count) => count !== null);
  return left.length === 0 ? null : Math.max(0, Math.min(...left));
}

export interface ApiKey {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Last four characters of the key, to tell keys apart. */
  readonly lastFour: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** Accurate to within a minute. */
  readonly lastUsedAt: Date | null;
}
