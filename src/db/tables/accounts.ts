/** The tables of accounts, keys and quota. */
import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { AccountStatus, Scope } from '../../accounts/account.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** The first day of the current month in UTC. */
export const thisMonth = sql`date_trunc('month', now() at time zone 'UTC')::date`;

export const accounts = pgTable(
  'accounts',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    email: text('email'),
    status: text('status').$type<AccountStatus>().notNull(),
    /** The maximum number of jobs; null is unlimited. */
    quotaLimit: integer('quota_limit'),
    /**
     * The number of jobs used or reserved, as one sum. A charge therefore does not write this row. Otherwise the ends
     * of all jobs of the account would wait for each other.
     */
    quotaTaken: integer('quota_taken').notNull().default(0),
    monthlyLimit: integer('monthly_limit'),
    /** The month that `monthTaken` counts. In a later month, that count no longer applies. */
    month: date('month').notNull().default(thisMonth),
    monthTaken: integer('month_taken').notNull().default(0),
    tokenEpoch: integer('token_epoch').notNull().default(0),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (account) => [
    index('accounts_by_email')
      .on(account.email)
      .where(sql`${account.email} is not null`),
    check('accounts_status', sql`${account.status} in ('ACTIVE', 'PENDING', 'DISABLED')`),
    check('accounts_taken', sql`${account.quotaTaken} >= 0`),
  ],
);

export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid('id').primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => accounts.id),
    name: text('name').notNull(),
    /** SHA-256 of the key, in hexadecimal. The key itself is not stored. */
    hash: text('hash').notNull(),
    lastFour: text('last_four').notNull(),
    scopes: text('scopes').array().$type<Scope[]>().notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    expiresAt: instant('expires_at'),
    /** The value of `expiresAt` when the key was created. Rotating the key brings `expiresAt` forward. */
    madeToExpireAt: instant('made_to_expire_at'),
    revokedAt: instant('revoked_at'),
    lastUsedAt: instant('last_used_at'),
  },
  (key) => [uniqueIndex('api_keys_hash').on(key.hash), index('api_keys_by_account').on(key.accountId, key.createdAt)],
);

/**
 * The quota ledger: the effects of each job on the quota of its account. It outlives the jobs, because it is a
 * financial record.
 */
export const quotaLedger = pgTable(
  'quota_ledger',
  {
    jobId: uuid('job_id').notNull(),
    kind: text('kind').$type<'RESERVE' | 'CHARGE' | 'RELEASE' | 'LATE_CHARGE'>().notNull(),
    accountId: text('account_id').notNull(),
    /** The month in which the job was accepted. */
    month: date('month').notNull().default(thisMonth),
    /** For charges only: the seconds of video, and the properties that determine the price. */
    billedSeconds: doublePrecision('billed_seconds'),
    mode: text('mode'),
    model: text('model'),
    at: instant('at').notNull().defaultNow(),
  },
  (entry) => [
    primaryKey({ columns: [entry.jobId, entry.kind] }),
    index('quota_ledger_by_account').on(entry.accountId, entry.at),
    check('quota_ledger_kind', sql`${entry.kind} in ('RESERVE', 'CHARGE', 'RELEASE', 'LATE_CHARGE')`),
  ],
);

/** The audit log: changes to accounts and keys, and their actors. */
export const accountLog = pgTable(
  'account_log',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: instant('at').notNull().defaultNow(),
    accountId: text('account_id').notNull(),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    details: jsonb('details').$type<Readonly<Record<string, unknown>>>(),
  },
  (entry) => [
    index('account_log_by_account').on(entry.accountId, entry.id),
    index('account_log_by_action').on(entry.action, entry.at),
  ],
);

/**
 * Counters across all instances, with a window of its own length for each subject. The table is unlogged, so that
 * counting costs no flush. A crash of the server empties it.
 */
export const rateWindows = pgTable('rate_windows', {
  subject: text('subject').primaryKey(),
  startedAt: instant('started_at').notNull(),
  count: integer('count').notNull(),
});
