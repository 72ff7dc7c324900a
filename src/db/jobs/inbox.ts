/** The callback inbox: one row for each distinct body of a job. */
import { and, eq, inArray, isNotNull, lte, placeholder, sql } from 'drizzle-orm';
import type { Inbox } from '../../jobs/ports/inbox.ts';
import type { Connections } from '../connection/client.ts';
import { callbacks } from '../tables/jobs.ts';
import { inside, statement } from '../connection/transaction.ts';

/** The maximum number of distinct bodies of one job. Genuine callbacks never exceed it. */
const MAX_BODIES = 100;
const MAX_CLAIMS = 10;

/**
 * Counts the bodies in the statement that inserts. It runs under the lock of the job's row, so no other transaction
 * adds a body in the meantime.
 */
const keepBody = statement((db) =>
  db
    .insert(callbacks)
    .select(
      sql`select ${placeholder('jobId')}::uuid, ${placeholder('bodyHash')}, ${placeholder('attempt')}::int, ${placeholder('taskId')}, ${placeholder('body')}, ${placeholder('verdict')}, now()
        where (select count(*) from ${callbacks} where ${callbacks.jobId} = ${placeholder('jobId')}) < ${MAX_BODIES}`,
    )
    .onConflictDoNothing()
    // Reads the table as it was before this statement, without the inserted row.
    .returning({
      anotherPends: sql<boolean>`exists (select 1 from callbacks other where other.job_id = ${placeholder('jobId')} and other.verdict = 'PENDING' and other.task_id is not null)`,
    })
    .prepare('keep_body'),
);

export function createInbox({ db }: Connections): Inbox {
  return {
    async keep(tx, callback) {
      const rows = await keepBody(tx).execute({ ...callback });
      return rows[0] ?? null;
    },

    async leavePending(tx, jobId, bodyHash) {
      await inside(tx)
        .update(callbacks)
        .set({ verdict: 'PENDING' })
        .where(and(eq(callbacks.jobId, jobId), eq(callbacks.bodyHash, bodyHash)));
    },

    async pendingClaims(jobIds) {
      if (jobIds.length === 0) return [];
      const { jobId, taskId } = callbacks;
      // Picks claims at random rather than by age, so that claims that are never judged cannot starve the others.
      const place = sql<number>`row_number() over (partition by ${jobId} order by random())`.as('place');
      const claims = db
        .select({ jobId, taskId, place })
        .from(callbacks)
        .where(and(inArray(jobId, [...jobIds]), eq(callbacks.verdict, 'PENDING'), isNotNull(taskId)))
        .groupBy(jobId, taskId)
        .as('claims');
      return db
        .select({ jobId: claims.jobId, taskId: sql<string>`${claims.taskId}` })
        .from(claims)
        .where(lte(claims.place, MAX_CLAIMS));
    },

    async judge(tx, jobId, taskId, verdict) {
      await inside(tx)
        .update(callbacks)
        .set({ verdict })
        .where(and(eq(callbacks.jobId, jobId), eq(callbacks.taskId, taskId), eq(callbacks.verdict, 'PENDING')));
    },
  };
}
