/** The usage of an account, computed from its quota ledger. */
import { and, asc, count, eq, gte, inArray, lt, sql } from 'drizzle-orm';
import type { UsageReader } from '../../accounts/ports.ts';
import { quotaLedger } from '../tables/accounts.ts';
import type { Connections } from '../connection/client.ts';

export const createUsageReader = ({ db }: Connections): UsageReader => ({
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
});
