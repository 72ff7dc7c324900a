/** Accounts and keys in PostgreSQL. */
import {
  and,
  asc,
  count,
  desc,
  eq,
  getTableColumns,
  gt,
  gte,
  inArray,
  isNull,
  lt,
  ne,
  notInArray,
  or,
  placeholder,
  sql,
} from 'drizzle-orm';
import type { Account, ApiKey } from '../../accounts/account.ts';
import { ACQUIRED, type AccountStore } from '../../accounts/ports.ts';
import type { Transaction } from '../../transaction.ts';
import { accountLog, accounts, apiKeys, quotaLedger, rateWindows, thisMonth } from '../tables/accounts.ts';
import type { Connections } from '../connection/client.ts';
import { deletion } from '../sql/delete-batch.ts';
import { reservedNow } from './quota-store.ts';
import { inside, withTransaction } from '../connection/transaction.ts';

/** All columns except the hash, which nothing reads. */
const { id, accountId: owner, name, lastFour, scopes: granted, createdAt, expiresAt, revokedAt, lastUsedAt } = apiKeys;
const keyColumns = {
  id,
  accountId: owner,
  name,
  lastFour,
  scopes: granted,
  createdAt,
  expiresAt,
  revokedAt,
  lastUsedAt,
};

/** The columns of an account. Its monthly count and reset are as of now, whichever month the row was written in. */
const accountColumns = {
  ...getTableColumns(accounts),
  reserved: reservedNow,
  monthTaken: sql<number>`case when ${accounts.month} >= ${thisMonth} then ${accounts.monthTaken} else 0 end`,
  nextMonth: sql<string>`(${thisMonth} + interval '1 month')::date::text`,
};

type AccountRow = typeof accounts.$inferSelect & { readonly reserved: number; readonly nextMonth: string };

const toAccount = (row: AccountRow): Account => ({
  id: row.id,
  name: row.name,
  email: row.email,
  status: row.status,
  quota: {
    limit: row.quotaLimit,
    used: row.quotaTaken - row.reserved,
    reserved: row.reserved,
    monthlyLimit: row.monthlyLimit,
    monthlyTaken: row.monthTaken,
    resetsAt: row.monthlyLimit === null ? null : new Date(`${row.nextMonth}T00:00:00Z`),
  },
  tokenEpoch: row.tokenEpoch,
  createdAt: row.createdAt,
});

const isLive = and(isNull(apiKeys.revokedAt), or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)));
const isEnabled = ne(accounts.status, 'DISABLED');

export function createAccountStore(connections: Connections): AccountStore<Transaction> {
  const { db } = connections;
  // Runs for every request, so it is planned only once per connection.
  const findKeyByHash = db
    .select({ key: keyColumns, account: { id: accounts.id, status: accounts.status, tokenEpoch: accounts.tokenEpoch } })
    .from(apiKeys)
    .innerJoin(accounts, eq(accounts.id, apiKeys.accountId))
    .where(and(eq(apiKeys.hash, placeholder('hash')), isLive, isEnabled))
    .prepare('find_key');

  return {
    transaction: (work) => withTransaction(connections, work),

    async insertAccount(tx, { limit, ...account }) {
      const rows = await inside(tx)
        .insert(accounts)
        .values({ ...account, quotaLimit: limit })
        .returning(accountColumns);
      return toAccount(rows[0]!);
    },

    async findAccount(accountId) {
      const rows = await db.select(accountColumns).from(accounts).where(eq(accounts.id, accountId));
      return rows[0] ? toAccount(rows[0]) : null;
    },

    async listAccounts(afterId, limit) {
      const rows = await db
        .select(accountColumns)
        .from(accounts)
        .where(afterId === null ? undefined : lt(accounts.id, afterId))
        .orderBy(desc(accounts.id))
        .limit(limit);
      return rows.map(toAccount);
    },

    async isKnownEmail(tx, email) {
      // Of two concurrent applications with one address, the second waits here and then sees the first.
      await inside(tx).execute(sql`select pg_advisory_xact_lock(hashtextextended(${`e-mail ${email}`}, 0))`);
      const rows = await inside(tx)
        .select({ id: accounts.id })
        .from(accounts)
        .where(eq(accounts.email, email))
        .limit(1);
      return rows.length > 0;
    },

    async changeAccount(tx, accountId, { status, limit, monthlyLimit, nextEpoch }) {
      const rows = await inside(tx)
        .update(accounts)
        .set({
          ...(status !== undefined && { status }),
          ...(limit !== undefined && { quotaLimit: limit }),
          ...(monthlyLimit !== undefined && { monthlyLimit }),
          ...(nextEpoch && { tokenEpoch: sql`${accounts.tokenEpoch} + 1` }),
          updatedAt: sql`now()`,
        })
        .where(eq(accounts.id, accountId))
        .returning(accountColumns);
      return rows[0] ? toAccount(rows[0]) : null;
    },

    async insertKey(tx, { scopes, ...key }) {
      const rows = await inside(tx)
        .insert(apiKeys)
        .values({ ...key, scopes: [...scopes], madeToExpireAt: key.expiresAt })
        .returning(keyColumns);
      return rows[0]!;
    },

    async ensureKey(tx, { scopes, ...key }) {
      await inside(tx)
        .insert(apiKeys)
        .values({ ...key, scopes: [...scopes] })
        .onConflictDoUpdate({
          target: apiKeys.hash,
          set: { expiresAt: key.expiresAt },
          setWhere: isNull(apiKeys.revokedAt),
        });
    },

    async endKey(tx, hash) {
      const rows = await inside(tx)
        .update(apiKeys)
        .set({ expiresAt: sql`now()` })
        .where(and(eq(apiKeys.hash, hash), isLive))
        .returning(keyColumns);
      return rows[0] ?? null;
    },

    listKeys: (accountId, limit): Promise<ApiKey[]> =>
      db
        .select(keyColumns)
        .from(apiKeys)
        .where(eq(apiKeys.accountId, accountId))
        .orderBy(desc(sql`(${isLive})`), desc(apiKeys.createdAt), desc(apiKeys.id))
        .limit(limit),

    async findLiveKey(tx, accountId, keyId) {
      const rows = await inside(tx)
        .select({ ...keyColumns, madeToExpireAt: apiKeys.madeToExpireAt })
        .from(apiKeys)
        .where(and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, keyId), isLive))
        .for('update');
      return rows[0] ?? null;
    },

    async countLiveKeys(tx, accountId) {
      // Locks the account's row. Of two transactions that both create the last allowed key, the second counts the first
      // one's key.
      await inside(tx).select({ id: accounts.id }).from(accounts).where(eq(accounts.id, accountId)).for('update');
      const rows = await inside(tx)
        .select({ count: count() })
        .from(apiKeys)
        .where(and(eq(apiKeys.accountId, accountId), isLive));
      return rows[0]!.count;
    },

    async revokeKey(tx, accountId, keyId) {
      const rows = await inside(tx)
        .update(apiKeys)
        .set({ revokedAt: sql`now()` })
        .where(and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, keyId), isLive))
        .returning(keyColumns);
      return rows[0] ?? null;
    },

    async expireKey(tx, accountId, keyId, inSeconds) {
      const end = sql`now() + ${inSeconds} * interval '1 second'`;
      const rows = await inside(tx)
        .update(apiKeys)
        .set({ expiresAt: sql`least(coalesce(${apiKeys.expiresAt}, ${end}), ${end})` })
        .where(and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, keyId), isLive))
        .returning(keyColumns);
      return rows[0] ?? null;
    },

    async findKey(hash) {
      const rows = await findKeyByHash.execute({ hash });
      return rows[0] ?? null;
    },

    async findKeyEnd(hash) {
      const rows = await db
        .select({
          status: accounts.status,
          revokedAt: apiKeys.revokedAt,
          isExpired: sql<boolean>`${apiKeys.expiresAt} <= now()`,
        })
        .from(apiKeys)
        .innerJoin(accounts, eq(accounts.id, apiKeys.accountId))
        .where(eq(apiKeys.hash, hash));
      const [found] = rows;
      if (found?.revokedAt) return 'revoked';
      return found?.isExpired ? 'expired' : found?.status === 'DISABLED' ? 'disabled' : null;
    },

    async findLive(keyIds, accountIds) {
      const keys =
        keyIds.length === 0
          ? []
          : await db
              .select({ id: apiKeys.id })
              .from(apiKeys)
              .where(and(inArray(apiKeys.id, [...keyIds]), isLive));
      const enabled =
        accountIds.length === 0
          ? []
          : await db
              .select({ id: accounts.id, epoch: accounts.tokenEpoch })
              .from(accounts)
              .where(and(inArray(accounts.id, [...accountIds]), isEnabled));
      return {
        keyIds: new Set(keys.map(({ id }) => id)),
        epochs: new Map(enabled.map(({ id, epoch }) => [id, epoch])),
      };
    },

    async noteUse(keyId) {
      await db
        .update(apiKeys)
        .set({ lastUsedAt: sql`now()` })
        .where(eq(apiKeys.id, keyId));
    },

    async noteChange(tx, change) {
      await inside(tx).insert(accountLog).values(change);
    },

    async countGrants(tx, sinceSeconds) {
      await inside(tx).execute(sql`select pg_advisory_xact_lock(hashtextextended('grants of quota', 0))`);
      const rows = await inside(tx)
        .select({ count: count() })
        .from(accountLog)
        .where(
          and(
            eq(accountLog.action, ACQUIRED),
            sql`(${accountLog.details} ->> 'limit')::int > 0`,
            gt(accountLog.at, sql`now() - ${sinceSeconds} * interval '1 second'`),
          ),
        );
      return rows[0]!.count;
    },

    async countInWindow(subjects, windowSeconds) {
      const isOver = sql`${rateWindows.startedAt} <= now() - ${windowSeconds} * interval '1 second'`;
      // Sorts the subjects, so that concurrent calls lock them in the same order and cannot deadlock.
      const rows = await db
        .insert(rateWindows)
        .values([...subjects].sort().map((subject) => ({ subject, startedAt: sql`now()`, count: 1 })))
        .onConflictDoUpdate({
          target: rateWindows.subject,
          set: {
            count: sql`case when ${isOver} then 1 else ${rateWindows.count} + 1 end`,
            startedAt: sql`case when ${isOver} then now() else ${rateWindows.startedAt} end`,
          },
        })
        .returning({
          subject: rateWindows.subject,
          count: rateWindows.count,
          endsInSeconds: sql<number>`greatest(1, ceil(${windowSeconds} - extract(epoch from now() - ${rateWindows.startedAt})))::int`,
        });
      const windows = new Map(rows.map(({ subject, ...window }) => [subject, window]));
      return subjects.map((subject) => windows.get(subject)!);
    },

    deleteEndedKeysByAge: async (days, limit, spared) =>
      (
        await db.execute(
          deletion(
            apiKeys,
            [apiKeys.id],
            sql`least(${apiKeys.revokedAt}, ${apiKeys.expiresAt})`,
            days,
            limit,
            notInArray(apiKeys.hash, [...spared]),
          ),
        )
      ).rowCount ?? 0,
    deleteChangesByAge: async (days, limit) =>
      (await db.execute(deletion(accountLog, [accountLog.id], accountLog.at, days, limit))).rowCount ?? 0,
    deleteWindowsByAge: async (days, limit) =>
      (await db.execute(deletion(rateWindows, [rateWindows.subject], rateWindows.startedAt, days, limit))).rowCount ??
      0,

    async usage(accountId, from, to, by) {
      const key = {
        DAY: sql<string>`to_char(${quotaLedger.at} at time zone 'UTC', 'YYYY-MM-DD')`,
        MODE: sql<string>`${quotaLedger.mode}`,
        MODEL: sql<string | null>`${quotaLedger.model}`,
      }[by];
      // Rounds each charge as a decimal number. Sums of binary fractions are imprecise, and sums that are rounded last
      // depend on the grouping.
      const billedToMs = sql`round(${quotaLedger.billedSeconds}::numeric, 3)`;
      return db
        .select({ key, jobs: count(), billedSeconds: sql<number>`coalesce(sum(${billedToMs}), 0)::float8` })
        .from(quotaLedger)
        .where(
          and(
            eq(quotaLedger.accountId, accountId),
            inArray(quotaLedger.kind, ['CHARGE', 'LATE_CHARGE']),
            gte(quotaLedger.at, from),
            lt(quotaLedger.at, to),
          ),
        )
        .groupBy(sql`1`)
        .orderBy(asc(sql`1`));
    },
  };
}
