/** Reads on behalf of a client. Every statement filters by account. */
import { and, desc, eq, gt, inArray, lt, or, sql } from 'drizzle-orm';
import type { JobReader } from '../../jobs/ports/job-reader.ts';
import type { Connections } from '../connection/client.ts';
import { toJob } from './job-row.ts';
import { jobs } from '../tables/jobs.ts';

export function createJobReader({ db }: Connections): JobReader {
  return {
    async find(accountId, jobId) {
      const rows = await db
        .select()
        .from(jobs)
        .where(and(eq(jobs.accountId, accountId), eq(jobs.id, jobId)));
      return rows[0] ? toJob(rows[0]) : null;
    },

    async list(accountId, filter, after, limit) {
      const rows = await db
        .select()
        .from(jobs)
        .where(
          and(
            eq(jobs.accountId, accountId),
            filter.ids && inArray(jobs.id, [...filter.ids]),
            filter.states && inArray(jobs.state, [...filter.states]),
            filter.modes && inArray(jobs.mode, [...filter.modes]),
            filter.labels && sql`${jobs.labels} @> ${JSON.stringify(filter.labels)}::jsonb`,
            filter.createdAfter && gt(jobs.createdAt, filter.createdAfter),
            filter.createdBefore && lt(jobs.createdAt, filter.createdBefore),
            after
              ? or(lt(jobs.createdAt, after.createdAt), and(eq(jobs.createdAt, after.createdAt), lt(jobs.id, after.id)))
              : undefined,
          ),
        )
        .orderBy(desc(jobs.createdAt), desc(jobs.id))
        .limit(limit);
      return rows.map(toJob);
    },
  };
}
