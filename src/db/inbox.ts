/** The callback inbox: one row for each distinct body of a job. */
import { and, eq, inArray, isNotNull, sql } from 'drizzle-orm';
import type { Inbox } from '../jobs/ports.ts';
import type { Connections } from './client.ts';
import { callbacks } from './tables.ts';
import { inside } from './transaction.ts';

export function createInbox({ db }: Connections): Inbox {
  return {
    async keep(tx, callback) {
      const rows = await inside(tx).insert(callbacks).values(callback).onConflictDoNothing().returning({ jobId: callbacks.jobId });
      return rows.length > 0;
    },

    async pendingClaims(jobIds) {
      if (jobIds.length === 0) return [];
      return db
        .selectDistinct({ jobId: callbacks.jobId, taskId: sql<string>`${callbacks.taskId}` })
        .from(callbacks)
        .where(and(inArray(callbacks.jobId, [...jobIds]), eq(callbacks.verdict, 'PENDING'), isNotNull(callbacks.taskId)));
    },

    async judge(tx, jobId, taskId, verdict) {
      await inside(tx)
        .update(callbacks)
        .set({ verdict })
        .where(and(eq(callbacks.jobId, jobId), eq(callbacks.taskId, taskId), eq(callbacks.verdict, 'PENDING')));
    },
  };
}
