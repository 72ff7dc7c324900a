/** Rate limit windows over all instances, in PostgreSQL. */
import { sql } from 'drizzle-orm';
import type { RateWindows } from '../../accounts/ports.ts';
import { rateWindows } from '../tables/accounts.ts';
import type { Connections } from '../connection/client.ts';
import { deletion } from '../sql/delete-batch.ts';

export const createRateWindows = ({ db }: Connections): RateWindows => ({
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

  deleteWindowsByAge: async (days, limit) =>
    (await db.execute(deletion(rateWindows, [rateWindows.subject], rateWindows.startedAt, days, limit))).rowCount ?? 0,
});
