/** The quota ledger and the balances of accounts, each pair written in one statement. */
import { eq, sql } from 'drizzle-orm';
import type { Imbalance, QuotaStore } from '../accounts/ports.ts';
import type { Transaction } from '../jobs/transaction.ts';
import { accounts, quotaLedger as ledger, thisMonth } from './account-tables.ts';
import type { Connections } from './client.ts';
import { inside } from './transaction.ts';

/** In the statements below the row's month may be an earlier one, of which nothing counts any more; and, in a transaction that began before the month did, a later one. */
const takenNow = sql`case when ${accounts.month} >= ${thisMonth} then ${accounts.monthTaken} else 0 end`;

export function createQuotaStore({ db }: Connections): QuotaStore<Transaction> {
  return {
    async reserve(tx, accountId, jobId) {
      // The guard is in the update itself: it waits for whoever writes the row, and then looks at what that one has left.
      const { rowCount } = await inside(tx).execute(sql`
        with taken as (
          update ${accounts}
          set quota_reserved = quota_reserved + 1, month = greatest(month, ${thisMonth}), month_taken = ${takenNow} + 1
          where id = ${accountId} and status = 'ACTIVE'
            and (quota_limit is null or quota_used + quota_reserved < quota_limit)
            and (monthly_limit is null or ${takenNow} < monthly_limit)
          returning id, month
        )
        insert into ${ledger} (job_id, kind, account_id, month) select ${jobId}, 'RESERVE', id, month from taken`);
      return rowCount === 1;
    },

    async charge(tx, { id, billedSeconds, mode, model }) {
      await inside(tx).execute(sql`
        with entry as (
          insert into ${ledger} (job_id, kind, account_id, month, billed_seconds, mode, model)
          select job_id, case when exists (select 1 from ${ledger} where job_id = ${id} and kind = 'RELEASE') then 'LATE_CHARGE' else 'CHARGE' end, account_id, month, ${billedSeconds}::float8, ${mode}, ${model}
          from ${ledger} where job_id = ${id} and kind = 'RESERVE'
          on conflict do nothing
          returning kind, account_id, month
        )
        update ${accounts}
        set quota_used = quota_used + 1,
          quota_reserved = quota_reserved - case when entry.kind = 'CHARGE' then 1 else 0 end,
          month_taken = month_taken + case when entry.kind = 'LATE_CHARGE' and ${accounts.month} = entry.month then 1 else 0 end
        from entry where ${accounts.id} = entry.account_id`);
    },

    async release(tx, jobId) {
      await inside(tx).execute(sql`
        with entry as (
          insert into ${ledger} (job_id, kind, account_id, month)
          select job_id, 'RELEASE', account_id, month from ${ledger} where job_id = ${jobId} and kind = 'RESERVE'
          on conflict do nothing
          returning account_id, month
        )
        update ${accounts}
        set quota_reserved = quota_reserved - 1, month_taken = month_taken - case when ${accounts.month} = entry.month then 1 else 0 end
        from entry where ${accounts.id} = entry.account_id`);
    },

    async quotaOf(tx, accountId) {
      const rows = await inside(tx)
        .select({ limit: accounts.quotaLimit, used: accounts.quotaUsed, reserved: accounts.quotaReserved, monthlyLimit: accounts.monthlyLimit, monthlyTaken: sql<number>`${takenNow}` })
        .from(accounts)
        .where(eq(accounts.id, accountId));
      return rows[0] ? { ...rows[0], resetsAt: null } : null;
    },

    async findImbalances() {
      const { rows } = await db.execute<Imbalance & Record<string, unknown>>(sql`
        select id as "accountId", quota_used as used, used_by_ledger as "usedByLedger", quota_reserved as reserved, reserved_by_ledger as "reservedByLedger"
        from ${accounts} cross join lateral (
          select count(*) filter (where kind in ('CHARGE', 'LATE_CHARGE'))::int as used_by_ledger,
            (count(*) filter (where kind = 'RESERVE') - count(*) filter (where kind in ('CHARGE', 'RELEASE')))::int as reserved_by_ledger
          from ${ledger} where account_id = ${accounts.id}
        ) sums
        where quota_used <> used_by_ledger or quota_reserved <> reserved_by_ledger`);
      return rows;
    },
  };
}
