/** Accounts: who owns jobs, keys and quota. */

/**
 * `PENDING` waits for an administrator: it may look around, and nothing is accepted for it. `DISABLED` opens nothing.
 */
export const accountStatuses = ['ACTIVE', 'PENDING', 'DISABLED'] as const;
export type AccountStatus = (typeof accountStatuses)[number];

/** What a credential may do for its account. */
export const scopes = ['jobs:read', 'jobs:write', 'account:admin'] as const;
export type Scope = (typeof scopes)[number];

/**
 * Counted in jobs. A job is reserved when it is accepted, and charged when it succeeds or released at any other end.
 */
export interface Quota {
  /** How many may ever be used; null is no limit. */
  readonly limit: number | null;
  readonly used: number;
  readonly reserved: number;
  /** How many may be accepted in a month of UTC, released ones not counted; null is no limit. */
  readonly monthlyLimit: number | null;
  /** How many were, this month. */
  readonly monthlyTaken: number;
  /** When the next month begins; null without a monthly limit. */
  readonly resetsAt: Date | null;
}

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly status: AccountStatus;
  readonly quota: Quota;
  /** Client tokens of an earlier epoch are worth nothing. */
  readonly tokenEpoch: number;
  readonly createdAt: Date;
}

/** How many more jobs may be accepted now; null is no limit. */
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
  /** Of the key itself, to tell keys apart by. */
  readonly lastFour: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** To within a minute. */
  readonly lastUsedAt: Date | null;
}
