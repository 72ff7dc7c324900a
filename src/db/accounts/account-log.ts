/** The log of changes of accounts in PostgreSQL. */
import { and, count, eq, gt, sql } from 'drizzle-orm';
import { ACQUIRED, type AccountLog } from '../../accounts/ports.ts';
import { accountLog } from '../tables/accounts.ts';
import type { Connections } from '../connection/client.ts';
import { inside } from '../connection/transaction.ts';
import { deletion } from '../sql/delete-batch.ts';

export const createAccountLog = ({ db }: Connections): AccountLog => ({
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

  deleteChangesByAge: async (days, limit) =>
    (await db.execute(deletion(accountLog, [accountLog.id], accountLog.at, days, limit))).rowCount ?? 0,
});
