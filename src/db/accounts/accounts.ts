/** Accounts in PostgreSQL. */
import { desc, eq, getTableColumns, lt, sql } from 'drizzle-orm';
import type { Account } from '../../accounts/account.ts';
import type { AccountRecords } from '../../accounts/ports.ts';
import { accounts, thisMonth } from '../tables/accounts.ts';
import type { Connections } from '../connection/client.ts';
import { reservedNow } from './quota.ts';
import { inside, withTransaction } from '../connection/transaction.ts';

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

export function createAccountRecords(connections: Connections): AccountRecords {
  const { db } = connections;
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
  };
}
