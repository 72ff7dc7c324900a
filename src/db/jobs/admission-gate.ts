/** The row of the admission gate, and the queue in front of it. */
import { and, asc, eq, notInArray, or, placeholder, sql } from 'drizzle-orm';
import type { GateStore } from '../../jobs/ports/admission-gate.ts';
import type { Connections } from '../connection/client.ts';
import { ms, msUntil, clockMsUntil } from '../sql/durations.ts';
import { toJob } from './job-row.ts';
import { gates, jobs } from '../tables/jobs.ts';
import { inside } from '../connection/transaction.ts';

const isQueued = sql`${jobs.state} = 'QUEUED'`;

export function createGateStore({ db }: Connections): GateStore {
  const anyQueued = db
    .select({ id: jobs.id })
    .from(jobs)
    .where(and(eq(jobs.upstreamId, placeholder('upstreamId')), isQueued))
    .limit(1)
    .prepare('any_queued');
  return {
    async lockGate(tx, upstreamId) {
      await inside(tx).insert(gates).values({ upstreamId }).onConflictDoNothing();
      const rows = await inside(tx)
        .select({
          spacedForMs: clockMsUntil(sql`${gates.nextSubmitAt}`),
          pausedForMs: clockMsUntil(sql`coalesce(${gates.pausedUntil}, now())`),
          reason: gates.pauseReason,
          probe: gates.probe,
          probedBy: gates.probedBy,
          pauseCount: gates.pauseCount,
          faults: gates.faults,
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
      const find = async (avoid: readonly string[]) => {
        const rows = await inside(tx)
          .select()
          .from(jobs)
          .where(
            and(
              eq(jobs.upstreamId, upstream.id),
              eq(jobs.sandbox, upstream.sandbox),
              isQueued,
              avoid.length > 0 ? notInArray(jobs.accountId, [...avoid]) : undefined,
            ),
          )
          .orderBy(...(probing ? [asc(jobs.attempt)] : []), asc(jobs.tag), asc(jobs.id))
          .limit(1)
          .for('update', { skipLocked: true });
        return rows[0] ? toJob(rows[0]) : null;
      };
      const avoid = probing?.avoid ?? [];
      return (await find(avoid)) ?? (avoid.length > 0 ? find([]) : null);
    },

    async hasQueued(upstreamId) {
      const rows = await anyQueued.execute({ upstreamId });
      return rows.length > 0;
    },

    async passGate(tx, upstreamId, { tag, spacingMs }) {
      await inside(tx)
        .update(gates)
        .set({
          nextSubmitAt: sql`clock_timestamp() + ${ms(spacingMs)}`,
          virtualTime: sql`greatest(${gates.virtualTime}, ${tag})`,
        })
        .where(eq(gates.upstreamId, upstreamId));
    },

    async leaseProbe(tx, upstreamId, probedBy, leaseMs) {
      await inside(tx)
        .update(gates)
        .set({ probedBy, pausedUntil: sql`clock_timestamp() + ${ms(leaseMs)}` })
        .where(eq(gates.upstreamId, upstreamId));
    },

    async renewProbe(upstreamId, probedBy, leaseMs) {
      await db
        .update(gates)
        .set({ pausedUntil: sql`clock_timestamp() + ${ms(leaseMs)}` })
        .where(and(eq(gates.upstreamId, upstreamId), eq(gates.probedBy, probedBy)));
    },

    async pauseGate(tx, upstreamId, { reason, probe, pauseMs, pauseCount }) {
      await inside(tx)
        .update(gates)
        .set({
          pausedUntil: sql`clock_timestamp() + ${ms(pauseMs)}`,
          pauseReason: reason,
          probe,
          probedBy: null,
          pauseCount: Math.min(pauseCount, 1_000),
        })
        .where(eq(gates.upstreamId, upstreamId));
    },

    async setFaults(tx, upstreamId, faults) {
      await inside(tx).update(gates).set({ faults }).where(eq(gates.upstreamId, upstreamId));
    },

    async resumeGate(tx, upstreamId) {
      await inside(tx)
        .update(gates)
        .set({ pausedUntil: null, pauseReason: null, probe: null, probedBy: null, pauseCount: 0, faults: [] })
        // Skips the write if the gate is already open, as it is for most submits.
        .where(
          and(
            eq(gates.upstreamId, upstreamId),
            or(sql`${gates.pauseReason} is not null`, sql`${gates.faults} <> '[]'::jsonb`),
          ),
        );
    },

    async findGate(upstreamId) {
      const rows = await db
        .select({
          pausedForMs: msUntil(sql`coalesce(${gates.pausedUntil}, now())`),
          reason: gates.pauseReason,
          probe: gates.probe,
        })
        .from(gates)
        .where(eq(gates.upstreamId, upstreamId));
      return rows[0] ?? null;
    },
  };
}
