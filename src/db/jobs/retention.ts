/** Permanent deletion of jobs and their records, and the idempotency keys that outlive deleted jobs. */
import { and, eq, inArray, sql, type SQL } from 'drizzle-orm';
import { isTerminal, jobStates } from '../../jobs/model/job.ts';
import type { SpentKeys } from '../../jobs/ports/deleted-job-keys.ts';
import type { RetentionStore } from '../../jobs/ports/retention.ts';
import type { Connections } from '../connection/client.ts';
import { deletion } from '../sql/delete-batch.ts';
import { callbacks, jobEvents, jobs, spentKeys } from '../tables/jobs.ts';
import { inside } from '../connection/transaction.ts';

const hasEnded = inArray(jobs.state, jobStates.filter(isTerminal));

/** Wraps a deletion of jobs into one statement that also keeps their idempotency keys. */
const spendingKeys = (jobDeletion: SQL): SQL => sql`
  with gone as (${jobDeletion} returning ${jobs.id}, ${jobs.accountId}, ${jobs.idempotencyKey}, ${jobs.inputHash}),
  spent as (
    insert into ${spentKeys} (account_id, idempotency_key, job_id, input_hash)
    select account_id, idempotency_key, id, input_hash from gone where idempotency_key is not null
    on conflict (account_id, idempotency_key) do update set job_id = excluded.job_id, input_hash = excluded.input_hash, deleted_at = excluded.deleted_at
  )
  select id from gone`;

export function createRetentionStore({ db }: Pick<Connections, 'db'>): RetentionStore & SpentKeys {
  const countOf = async (statement: SQL): Promise<number> => (await db.execute(statement)).rowCount ?? 0;
  return {
    async deleteEndedJob(accountId, jobId) {
      const which = and(eq(jobs.accountId, accountId), eq(jobs.id, jobId), hasEnded);
      return (await countOf(spendingKeys(sql`delete from ${jobs} where ${which}`))) > 0;
    },
    deleteEndedJobsByAge: (days, limit) =>
      countOf(spendingKeys(deletion(jobs, [jobs.id], jobs.completedAt, days, limit, hasEnded))),
    deleteTimelinesByAge: (days, limit) =>
      countOf(deletion(jobEvents, [jobEvents.jobId, jobEvents.id], jobEvents.at, days, limit)),
    deleteCallbacksByAge: (days, limit) =>
      countOf(deletion(callbacks, [callbacks.jobId, callbacks.bodyHash], callbacks.receivedAt, days, limit)),
    deleteSpentKeysByAge: (days, limit) =>
      countOf(deletion(spentKeys, [spentKeys.accountId, spentKeys.idempotencyKey], spentKeys.deletedAt, days, limit)),

    async findSpentKey(tx, accountId, idempotencyKey) {
      const rows = await inside(tx)
        .select({ inputHash: spentKeys.inputHash })
        .from(spentKeys)
        .where(and(eq(spentKeys.accountId, accountId), eq(spentKeys.idempotencyKey, idempotencyKey)));
      return rows[0] ?? null;
    },
  };
}
