/** Statistics over the jobs so far: how results became known, how long tasks take, and positions in the queue. */
import { and, desc, eq, gt, sql } from 'drizzle-orm';
import { motionModes } from '../../jobs/model/job.ts';
import type { History, ModeDurations } from '../../jobs/ports/history.ts';
import type { Connections } from '../connection/client.ts';
import { jobs } from '../tables/jobs.ts';

const isSucceeded = sql`${jobs.state} = 'SUCCEEDED'`;
const SAMPLES = 200;
const MAX_POSITION = 1_000;

const percentileMs = (share: number, took: unknown) =>
  sql<number>`(extract(epoch from percentile_cont(${share}::float8) within group (order by ${took})) * 1000)::float8`;

export function createHistory({ db }: Connections): History {
  return {
    async recentSuccesses(upstreamId, since, limit) {
      const isCalled = sql`exists (select 1 from callbacks where callbacks.job_id = jobs.id)`;
      return db
        .select({ uncalled: sql<boolean>`${jobs.settledBy} = 'POLL' and not ${isCalled}` })
        .from(jobs)
        .where(and(eq(jobs.upstreamId, upstreamId), isSucceeded, gt(jobs.attemptedAt, since)))
        .orderBy(desc(jobs.completedAt))
        .limit(limit);
    },

    async durations(upstreamId) {
      const found: ModeDurations[] = [];
      for (const mode of motionModes) {
        const newest = db
          .select({ took: sql<string>`${jobs.completedAt} - ${jobs.attemptedAt}`.as('took') })
          .from(jobs)
          .where(and(eq(jobs.upstreamId, upstreamId), isSucceeded, eq(jobs.mode, mode)))
          .orderBy(desc(jobs.completedAt))
          .limit(SAMPLES)
          .as('newest');
        const rows = await db
          .select({
            count: sql<number>`count(*)::int`,
            medianMs: percentileMs(0.5, newest.took),
            p95Ms: percentileMs(0.95, newest.took),
          })
          .from(newest);
        const { count, ...durations } = rows[0]!;
        if (count > 0) found.push({ mode, ...durations });
      }
      return found;
    },

    async queuePositions(queued) {
      if (queued.length === 0) return new Map();
      // Raw SQL, because the query builder omits table names in queries over a single table.
      const asked = sql.join(
        queued.map(({ id, accountId }) => sql`(${id}::uuid, ${accountId})`),
        sql`, `,
      );
      const { rows } = await db.execute<{ id: string; position: number }>(sql`
        select job.id, 1 + (
          select count(*)::int from (
            select 1 from jobs before
            where before.upstream_id = job.upstream_id and before.state = 'QUEUED' and (before.tag, before.id) < (job.tag, job.id)
            limit ${MAX_POSITION - 1}
          ) ahead
        ) as position
        from jobs job where (job.id, job.account_id) in (${asked}) and job.state = 'QUEUED'
      `);
      return new Map(rows.map(({ id, position }) => [id, position]));
    },
  };
}
