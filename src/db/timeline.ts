/** The events of a job. */
import { and, asc, eq, gt } from 'drizzle-orm';
import type { JobEvent, Timeline } from '../jobs/timeline.ts';
import type { Connections } from './client.ts';
import { jobEvents, jobs } from './tables.ts';
import { inside } from './transaction.ts';

const { id, at, type, state, version, attempt, submitEnd, httpStatus, upstreamTraceId, verdict, message } = jobEvents;
const columns = { id, at, type, state, version, attempt, submitEnd, httpStatus, upstreamTraceId, verdict, message };

export function createTimeline({ db }: Connections): Timeline {
  return {
    async note(tx, jobId, event) {
      await inside(tx).insert(jobEvents).values({ jobId, ...event }).onConflictDoNothing();
    },

    async listEvents(accountId, jobId, afterId, limit): Promise<JobEvent[]> {
      return db
        .select(columns)
        .from(jobEvents)
        .innerJoin(jobs, eq(jobs.id, jobEvents.jobId))
        .where(and(eq(jobs.accountId, accountId), eq(jobEvents.jobId, jobId), gt(jobEvents.id, afterId)))
        .orderBy(asc(jobEvents.id))
        .limit(limit);
    },
  };
}
