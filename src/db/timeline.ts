/** The events of a job. */
import { and, asc, eq, gt, placeholder } from 'drizzle-orm';
import type { JobEvent, Timeline } from '../jobs/timeline.ts';
import type { Connections } from './client.ts';
import { jobEvents, jobs } from './tables.ts';
import { statement } from './transaction.ts';

const { id, at, type, state, version, attempt, submitEnd, httpStatus, upstreamTraceId, verdict, message } = jobEvents;
const columns = { id, at, type, state, version, attempt, submitEnd, httpStatus, upstreamTraceId, verdict, message };

const noteEvent = statement((db) =>
  db
    .insert(jobEvents)
    .values({
      jobId: placeholder('jobId'),
      type: placeholder('type'),
      state: placeholder('state'),
      version: placeholder('version'),
      attempt: placeholder('attempt'),
      submitEnd: placeholder('submitEnd'),
      httpStatus: placeholder('httpStatus'),
      upstreamTraceId: placeholder('upstreamTraceId'),
      verdict: placeholder('verdict'),
      message: placeholder('message'),
    })
    .onConflictDoNothing()
    .prepare('note_event'),
);

/** What an event does not tell. */
const untold = { attempt: null, submitEnd: null, httpStatus: null, upstreamTraceId: null, verdict: null, message: null };

export function createTimeline({ db }: Connections): Timeline {
  return {
    async note(tx, jobId, event) {
      await noteEvent(tx).execute({ jobId, ...untold, ...event });
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
