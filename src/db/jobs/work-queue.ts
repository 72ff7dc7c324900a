/** The work that is due at an upstream: expired leases, deadlines, and look-ups. */
import { and, asc, eq, isNotNull, lt, lte, ne, or, sql, type SQL } from 'drizzle-orm';
import type { OverdueJob, WorkQueue } from '../../jobs/ports/work-queue.ts';
import type { Connections } from '../connection/client.ts';
import { inMs, ms } from '../sql/durations.ts';
import { toJob } from './job-row.ts';
import { jobs } from '../tables/jobs.ts';
import { inside } from '../connection/transaction.ts';

export function createWorkQueue({ db }: Connections): WorkQueue {
  return {
    async expiredLeases(upstreamId, limit) {
      const rows = await db
        .select()
        .from(jobs)
        .where(
          and(eq(jobs.upstreamId, upstreamId), sql`${jobs.state} = 'SUBMITTING'`, lt(jobs.leaseExpiresAt, sql`now()`)),
        )
        .limit(limit);
      return rows.map(toJob);
    },

    async overdue(upstream, { jobMs, queueMs, otherJobMs, otherQueueMs }, limit) {
      const elsewhere = or(ne(jobs.upstreamId, upstream.id), ne(jobs.sandbox, upstream.sandbox));
      const reason = sql<
        OverdueJob['reason']
      >`case when ${jobs.state} <> 'QUEUED' then 'attempt' when ${elsewhere} then 'upstreamChanged' else 'queue' end`;
      const find = (condition: SQL | undefined) =>
        db
          .select({ row: jobs, reason, taskMissing: sql<boolean>`${jobs.taskMissingAt} is not null` })
          .from(jobs)
          .where(condition)
          .limit(limit);
      // Two statements, so that neither kind can fill the other's batch.
      const attempted = await find(
        and(
          sql`${jobs.state} in ('SUBMITTING', 'PROCESSING', 'UNCONFIRMED')`,
          lt(jobs.attemptedAt, sql`now() - ${ms(jobMs)}`),
          sql`(not (${elsewhere}) or ${lt(jobs.attemptedAt, sql`now() - ${ms(otherJobMs)}`)})`,
        ),
      );
      const queued = await find(
        and(
          sql`${jobs.state} = 'QUEUED'`,
          or(
            lt(jobs.createdAt, sql`now() - ${ms(queueMs)}`),
            and(elsewhere, lt(jobs.createdAt, sql`now() - ${ms(otherQueueMs)}`)),
          ),
        ),
      );
      return [...attempted, ...queued].map(({ row, ...rest }) => ({ job: toJob(row), ...rest }));
    },

    async claimPolls(upstreamId, limit, leaseMs) {
      const due = db
        .select({ id: jobs.id })
        .from(jobs)
        .where(and(eq(jobs.upstreamId, upstreamId), isNotNull(jobs.nextPollAt), lte(jobs.nextPollAt, sql`now()`)))
        .orderBy(asc(jobs.nextPollAt))
        .limit(limit)
        .for('update', { skipLocked: true });
      const rows = await db
        .update(jobs)
        .set({ nextPollAt: sql`now() + ${ms(leaseMs)}` })
        .where(sql`${jobs.id} = any(array(${due}))`)
        .returning({
          row: jobs,
          ageMs: sql<number>`(extract(epoch from now() - coalesce(${jobs.attemptedAt}, ${jobs.createdAt})) * 1000)::float8`,
        });
      return rows.map(({ row, ageMs }) => ({ job: toJob(row), ageMs, leasedUntil: row.nextPollAt! }));
    },

    async beginWork(jobId) {
      const rows = await db
        .update(jobs)
        .set({ workAttempts: sql`${jobs.workAttempts} + 1` })
        .where(eq(jobs.id, jobId))
        .returning({ workAttempts: jobs.workAttempts });
      return rows[0]?.workAttempts ?? 0;
    },

    async forgetAttempts(jobId, count) {
      await db
        .update(jobs)
        .set({ workAttempts: sql`greatest(${jobs.workAttempts} - ${count}::int, 0)` })
        .where(eq(jobs.id, jobId));
    },

    async endWork(tx, jobId) {
      await inside(tx).update(jobs).set({ workAttempts: 0 }).where(eq(jobs.id, jobId));
    },

    async setAside(jobId) {
      await db.update(jobs).set({ nextPollAt: null }).where(eq(jobs.id, jobId));
    },

    async releasePoll(tx, { job, leasedUntil }, delayMs, taskMissing) {
      const next = delayMs === null ? sql`null` : inMs(delayMs);
      await inside(tx)
        .update(jobs)
        .set({
          workAttempts: 0,
          nextPollAt: sql`case when ${jobs.nextPollAt} = ${leasedUntil.toISOString()} then ${next} else ${jobs.nextPollAt} end`,
          taskMissingAt: taskMissing ? sql`coalesce(${jobs.taskMissingAt}, now())` : null,
        })
        .where(eq(jobs.id, job.id));
    },
  };
}
