/** The writes of a job's life. Only `advance` writes a state. */
import { and, eq, getTableColumns, inArray, lt, sql, type SQL } from 'drizzle-orm';
import type { Move } from '../jobs/job.ts';
import type { JobWriter } from '../jobs/ports.ts';
import type { Connections } from './client.ts';
import { FEED_CHANNEL } from './feed.ts';
import { inMs } from './durations.ts';
import { toColumns, toJob, toRow } from './job-row.ts';
import { gates, jobs, thisTransaction, turns } from './tables.ts';
import { inside, withTransaction } from './transaction.ts';

/** `permits` of `jobs/job.ts`, as SQL. */
const permitted = (jobId: string, move: Move): SQL | undefined =>
  and(
    eq(jobs.id, jobId),
    lt(jobs.rank, move.rank),
    move.from && inArray(jobs.state, [...move.from]),
    move.attempt === undefined ? undefined : eq(jobs.attempt, move.attempt),
    move.leaseToken === undefined ? undefined : eq(jobs.leaseToken, move.leaseToken),
  );

const oneVersionUp = { version: sql`${jobs.version} + 1`, updatedAt: sql`now()`, changedXid: thisTransaction };

/**
 * The row as it is now, and in the same statement the wake-up of its watchers, which comes when the transaction commits; a notification of a
 * rolled-back change is never sent.
 */
const changed = {
  ...getTableColumns(jobs),
  notified: sql`pg_notify(${FEED_CHANNEL}::text, ${jobs.id} || ' ' || ${jobs.version} || ' ' || ${jobs.accountId})`,
};

export function createJobWriter(connections: Connections): JobWriter {
  return {
    transaction: (work) => withTransaction(connections, work),

    async insert(tx, job) {
      const db = inside(tx);
      const { upstreamId, accountId } = job;
      const inserted = await db.insert(jobs).values(toRow(job)).onConflictDoNothing().returning({ id: jobs.id });
      if (!inserted[0]) return null;
      // The turn comes after the key: who repeats a key takes none.
      const turn = db.$with('turn').as(
        db
          .insert(turns)
          .values({ upstreamId, accountId, lastTag: sql`coalesce((select ${gates.virtualTime} from ${gates} where ${gates.upstreamId} = ${upstreamId}), 0) + 1` })
          .onConflictDoUpdate({ target: [turns.upstreamId, turns.accountId], set: { lastTag: sql`greatest(${turns.lastTag} + 1, excluded.last_tag)` } })
          .returning({ lastTag: turns.lastTag }),
      );
      const rows = await db.with(turn).update(jobs).set({ tag: sql`(select last_tag from turn)` }).where(eq(jobs.id, job.id)).returning(changed);
      return rows[0] ? toJob(rows[0]) : null;
    },

    async findByKey(tx, accountId, idempotencyKey) {
      const rows = await inside(tx)
        .select()
        .from(jobs)
        .where(and(eq(jobs.accountId, accountId), eq(jobs.idempotencyKey, idempotencyKey)));
      return rows[0] ? toJob(rows[0]) : null;
    },

    async lock(tx, jobId) {
      const rows = await inside(tx).select().from(jobs).where(eq(jobs.id, jobId)).for('update');
      return rows[0] ? toJob(rows[0]) : null;
    },

    async advance(tx, jobId, move, patch) {
      const rows = await inside(tx)
        .update(jobs)
        .set({ state: move.to, rank: move.rank, ...oneVersionUp, ...toColumns(patch) })
        .where(permitted(jobId, move))
        .returning(changed);
      return rows[0] ? toJob(rows[0]) : null;
    },

    async amend(tx, jobId, patch) {
      const rows = await inside(tx)
        .update(jobs)
        .set({ ...oneVersionUp, ...toColumns(patch) })
        .where(eq(jobs.id, jobId))
        .returning(changed);
      return rows[0] ? toJob(rows[0]) : null;
    },

    async pollWithin(tx, jobId, ms) {
      const at = inMs(ms);
      await inside(tx)
        .update(jobs)
        .set({ nextPollAt: sql`least(coalesce(${jobs.nextPollAt}, ${at}), ${at})` })
        .where(eq(jobs.id, jobId));
    },
  };
}
