/** The work to be done at an upstream: its gate, what waits for it, and what is due. */
import { and, asc, eq, isNotNull, lt, lte, ne, or, sql, type SQL } from 'drizzle-orm';
import type { OverdueJob, WorkQueue } from '../jobs/ports.ts';
import type { Connections } from './client.ts';
import { inMs, toJob } from './job-row.ts';
import { gates, jobs } from './tables.ts';
import { inside } from './transaction.ts';

/** During a rolling change of upstream both names are alive for a while: neither fails what the other has just accepted. */
const CHANGE_OF_INSTANCES_MS = 300_000;

const ms = (value: number): SQL => sql`${value} * interval '1 millisecond'`;
const msUntil = (instant: SQL): SQL<number> =>
  sql<number>`greatest(0, extract(epoch from ${instant} - now()) * 1000)::float8`;

/** `now()` is the start of the transaction: what waited for the gate's lock must look at the clock instead. */
const clockMsUntil = (instant: SQL): SQL<number> => sql<number>`greatest(0, extract(epoch from ${instant} - clock_timestamp()) * 1000)::float8`;

export function createWorkQueue({ db }: Connections): WorkQueue {
  return {
    async lockGate(tx, upstreamId) {
      await inside(tx).insert(gates).values({ upstreamId }).onConflictDoNothing();
      const rows = await inside(tx)
        .select({
          waitMs: clockMsUntil(sql`greatest(${gates.nextSubmitAt}, coalesce(${gates.pausedUntil}, ${gates.nextSubmitAt}))`),
          pauseReason: gates.pauseReason,
        })
        .from(gates)
        .where(eq(gates.upstreamId, upstreamId))
        .for('update');
      return rows[0]!;
    },

    async countInFlight(tx, upstreamId, { slotMs, deadlineMs }) {
      const rows = await inside(tx)
        .select({ count: sql<number>`count(*)::int` })
        .from(jobs)
        .where(
          and(
            eq(jobs.upstreamId, upstreamId),
            sql`${jobs.state} in ('SUBMITTING', 'PROCESSING', 'UNCONFIRMED')`,
            sql`${jobs.attemptedAt} > now() - case when ${jobs.state} = 'UNCONFIRMED' then ${ms(Math.min(slotMs, deadlineMs))} else ${ms(deadlineMs)} end`,
          ),
        );
      return rows[0]!.count;
    },

    async nextQueued(tx, upstream, probing) {
      const rows = await inside(tx)
        .select()
        .from(jobs)
        .where(and(eq(jobs.upstreamId, upstream.id), eq(jobs.sandbox, upstream.sandbox), sql`${jobs.state} = 'QUEUED'`))
        .orderBy(...(probing ? [asc(jobs.attempt)] : []), asc(jobs.createdAt), asc(jobs.id))
        .limit(1)
        .for('update', { skipLocked: true });
      return rows[0] ? toJob(rows[0]) : null;
    },

    async hasQueued(upstreamId) {
      const rows = await db
        .select({ id: jobs.id })
        .from(jobs)
        .where(and(eq(jobs.upstreamId, upstreamId), sql`${jobs.state} = 'QUEUED'`))
        .limit(1);
      return rows.length > 0;
    },

    async spaceSubmits(tx, upstreamId, spacingMs) {
      await inside(tx)
        .update(gates)
        .set({ nextSubmitAt: sql`clock_timestamp() + ${ms(spacingMs)}` })
        .where(eq(gates.upstreamId, upstreamId));
    },

    async pauseGate(tx, upstreamId, reason, pauseMs) {
      const rows = await inside(tx)
        .select({ pauseCount: gates.pauseCount, pausedForMs: msUntil(sql`coalesce(${gates.pausedUntil}, now())`) })
        .from(gates)
        .where(eq(gates.upstreamId, upstreamId))
        .for('update');
      // Several attempts that were in flight together fail for one cause: one pause, counted once.
      if (!rows[0] || rows[0].pausedForMs > 0) return;
      const { pauseCount } = rows[0];
      await inside(tx)
        .update(gates)
        .set({ pausedUntil: sql`now() + ${ms(pauseMs(pauseCount))}`, pauseReason: reason, pauseCount: Math.min(pauseCount + 1, 1000) })
        .where(eq(gates.upstreamId, upstreamId));
    },

    async resumeGate(tx, upstreamId) {
      await inside(tx)
        .update(gates)
        .set({ pausedUntil: null, pauseReason: null, pauseCount: 0 })
        .where(and(eq(gates.upstreamId, upstreamId), ne(gates.pauseCount, 0)));
    },

    async findGate(upstreamId) {
      const rows = await db
        .select({ pausedForMs: msUntil(sql`coalesce(${gates.pausedUntil}, now())`), reason: gates.pauseReason })
        .from(gates)
        .where(eq(gates.upstreamId, upstreamId));
      return rows[0] ?? null;
    },

    async expiredLeases(upstreamId, limit) {
      const rows = await db
        .select()
        .from(jobs)
        .where(and(eq(jobs.upstreamId, upstreamId), sql`${jobs.state} = 'SUBMITTING'`, lt(jobs.leaseExpiresAt, sql`now()`)))
        .limit(limit);
      return rows.map(toJob);
    },

    async overdue(upstream, { jobMs, queueMs }, limit) {
      const elsewhere = or(ne(jobs.upstreamId, upstream.id), ne(jobs.sandbox, upstream.sandbox));
      const reason = sql<OverdueJob['reason']>`case when ${jobs.state} <> 'QUEUED' then 'attempt' when ${elsewhere} then 'upstreamChanged' else 'queue' end`;
      const find = (condition: SQL | undefined) =>
        db
          .select({ row: jobs, reason, taskMissing: sql<boolean>`${jobs.taskMissingAt} is not null` })
          .from(jobs)
          .where(condition)
          .limit(limit);
      // Two statements, so that neither kind can fill the batch of the other.
      const attempted = await find(and(sql`${jobs.state} in ('SUBMITTING', 'PROCESSING', 'UNCONFIRMED')`, lt(jobs.attemptedAt, sql`now() - ${ms(jobMs)}`)));
      const queued = await find(
        and(
          sql`${jobs.state} = 'QUEUED'`,
          or(lt(jobs.createdAt, sql`now() - ${ms(queueMs)}`), and(elsewhere, lt(jobs.createdAt, sql`now() - ${ms(CHANGE_OF_INSTANCES_MS)}`))),
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
        .returning({ row: jobs, ageMs: sql<number>`(extract(epoch from now() - coalesce(${jobs.attemptedAt}, ${jobs.createdAt})) * 1000)::float8` });
      return rows.map(({ row, ageMs }) => ({ job: toJob(row), ageMs, leasedUntil: row.nextPollAt! }));
    },

    async releasePoll(tx, { job, leasedUntil }, delayMs, taskMissing) {
      await inside(tx)
        .update(jobs)
        .set({ nextPollAt: delayMs === null ? null : inMs(delayMs), taskMissingAt: taskMissing ? sql`coalesce(${jobs.taskMissingAt}, now())` : null })
        .where(and(eq(jobs.id, job.id), eq(jobs.nextPollAt, leasedUntil)));
    },
  };
}
