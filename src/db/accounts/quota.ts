/** The quota ledger and the balances of accounts. An entry and its balance are written in one statement. */
import { eq, placeholder, sql } from 'drizzle-orm';
import type { Imbalance, QuotaStore } from '../../accounts/ports.ts';
import { accounts, quotaLedger as ledger, thisMonth } from '../tables/accounts.ts';
import type { Connections } from '../connection/client.ts';
import { jobs } from '../tables/jobs.ts';
import { inside, sqlStatement } from '../connection/transaction.ts';

/**
 * The number of jobs reserved for a row of `accounts`: those of its jobs that have not ended. The SQL names columns
 * literally, because Drizzle omits the table of a column in queries over a single table.
 */
export const reservedNow = sql<number>`(
  select count(*)::int from ${jobs} as open_job join ${ledger} as entry on entry.job_id = open_job.id and entry.kind = 'RESERVE'
  where open_job.account_id = accounts.id and open_job.state in ('QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING')
)`;

/**
 * The number of jobs taken in the current month. In the statements below, the month of the row may be an earlier one,
 * whose count no longer applies. In a transaction that began before the month did, it may also be a later one.
 */
const takenNow = sql`case when ${accounts.month} >= ${thisMonth} then ${accounts.monthTaken} else 0 end`;

const ofJob = placeholder('jobId');

/**
 * Reserves one job. The guard is part of the update, which waits for a concurrent writer of the row and then checks the
 * row as that writer left it.
 */
const reserve = sqlStatement(
  'reserve_quota',
  sql`
    with taken as (
      update ${accounts}
      set quota_taken = quota_taken + 1, month = greatest(month, ${thisMonth}), month_taken = ${takenNow} + 1
      where id = ${placeholder('accountId')} and status = 'ACTIVE'
        and (quota_limit is null or quota_taken < quota_limit)
        and (monthly_limit is null or ${takenNow} < monthly_limit)
      returning id, month
    )
    insert into ${ledger} (job_id, kind, account_id, month) select ${ofJob}, 'RESERVE', id, month from taken`,
);

/**
 * Charges a job. A reserved job already counts as taken, so the account's row is written, and locked until the commit,
 * only for a late charge.
 */
const charge = sqlStatement(
  'charge_quota',
  sql`
    with entry as (
      insert into ${ledger} (job_id, kind, account_id, month, billed_seconds, mode, model)
      select job_id, case when exists (select 1 from ${ledger} where job_id = ${ofJob} and kind = 'RELEASE') then 'LATE_CHARGE' else 'CHARGE' end, account_id, month,
        ${placeholder('billedSeconds')}::float8, ${placeholder('mode')}, ${placeholder('model')}
      from ${ledger} where job_id = ${ofJob} and kind = 'RESERVE'
      on conflict do nothing
      returning kind, account_id, month
    )
    update ${accounts}
    set quota_taken = quota_taken + 1, month_taken = month_taken + case when ${accounts.month} = entry.month then 1 else 0 end
    from entry where ${accounts.id} = entry.account_id and entry.kind = 'LATE_CHARGE'`,
);

const release = sqlStatement(
  'release_quota',
  sql`
    with entry as (
      insert into ${ledger} (job_id, kind, account_id, month)
      select job_id, 'RELEASE', account_id, month from ${ledger} where job_id = ${ofJob} and kind = 'RESERVE'
      on conflict do nothing
      returning account_id, month
    )
    update ${accounts}
    set quota_taken = quota_taken - 1, month_taken = month_taken - case when ${accounts.month} = entry.month then 1 else 0 end
    from entry where ${accounts.id} = entry.account_id`,
);

export function createQuotaStore({ db }: Connections): QuotaStore {
  return {
    reserve: async (tx, accountId, jobId) => (await reserve(tx, { accountId, jobId })) === 1,

    async charge(tx, { id, billedSeconds, mode, model }) {
      await charge(tx, { jobId: id, billedSeconds, mode, model });
    },

    async release(tx, jobId) {
      await release(tx, { jobId });
    },

    async quotaOf(tx, accountId) {
      const rows = await inside(tx)
        .select({
          limit: accounts.quotaLimit,
          taken: accounts.quotaTaken,
          reserved: reservedNow,
          monthlyLimit: accounts.monthlyLimit,
          monthlyTaken: sql<number>`${takenNow}`,
        })
        .from(accounts)
        .where(eq(accounts.id, accountId));
      if (!rows[0]) return null;
      const { taken, reserved, ...quota } = rows[0];
      return { ...quota, used: taken - reserved, reserved, resetsAt: null };
    },

    async findImbalances() {
      const { rows } = await db.execute<Imbalance & Record<string, unknown>>(sql`
        select id as "accountId", quota_taken - reserved as used, used_by_ledger as "usedByLedger", reserved, reserved_by_ledger as "reservedByLedger"
        from ${accounts} cross join lateral (select ${reservedNow} as reserved) now cross join lateral (
          select count(*) filter (where kind in ('CHARGE', 'LATE_CHARGE'))::int as used_by_ledger,
            (count(*) filter (where kind = 'RESERVE') - count(*) filter (where kind in ('CHARGE', 'RELEASE')))::int as reserved_by_ledger
          from ${ledger} where account_id = accounts.id
        ) sums
        where quota_taken - reserved <> used_by_ledger or reserved <> reserved_by_ledger`);
      return rows;
    },
  };
}
