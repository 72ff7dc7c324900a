/** Writes and reads the events of jobs. */
import { and, asc, eq, gt, placeholder, sql } from 'drizzle-orm';
import type { JobEvent } from '../../jobs/model/job-event.ts';
import type { Timeline } from '../../jobs/ports/job-events.ts';
import type { Connections } from '../connection/client.ts';
import { jobEvents, jobs } from '../tables/jobs.ts';
import { statement } from '../connection/transaction.ts';

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

/** The defaults for details that an event does not have. */
const emptyDetails = {
  attempt: null,
  submitEnd: null,
  httpStatus: null,
  upstreamTraceId: null,
  verdict: null,
  message: null,
};

export function createTimeline({ db }: Connections): Timeline {
  return {
    async note(tx, jobId, event) {
      await noteEvent(tx).execute({ jobId, ...emptyDetails, ...event });
    },

    async listEvents(asked) {
      // Scans the index once for each requested job, so that events beyond the limit of the job are not read.
      const found = db
        .select(columns)
        .from(jobEvents)
        .where(and(eq(jobEvents.jobId, sql`asked.job_id`), gt(jobEvents.id, sql`asked.after_id`)))
        .orderBy(asc(jobEvents.id))
        .limit(sql`asked.most` as unknown as number)
        .as('found');
      const array = (values: readonly unknown[]) => sql.param([...values]);
      const ids = sql`${array(asked.map(({ accountId }) => accountId))}::text[], ${array(asked.map(({ jobId }) => jobId))}::uuid[]`;
      const spans = sql`${array(asked.map(({ afterId }) => afterId))}::bigint[], ${array(asked.map(({ limit }) => limit))}::int[]`;
      const rows = await db
        .select({
          place: sql<number>`asked.place::int`,
          id: found.id,
          at: found.at,
          type: found.type,
          state: found.state,
          version: found.version,
          attempt: found.attempt,
          submitEnd: found.submitEnd,
          httpStatus: found.httpStatus,
          upstreamTraceId: found.upstreamTraceId,
          verdict: found.verdict,
          message: found.message,
        })
        .from(sql`unnest(${ids}, ${spans}) with ordinality as asked(account_id, job_id, after_id, most, place)`)
        .innerJoin(jobs, and(eq(jobs.id, sql`asked.job_id`), eq(jobs.accountId, sql`asked.account_id`)))
        .crossJoinLateral(found)
        .orderBy(sql`asked.place`, asc(found.id));
      const pages: JobEvent[][] = asked.map(() => []);
      for (const { place, ...event } of rows) pages[place - 1]!.push(event);
      return pages;
    },
  };
}
