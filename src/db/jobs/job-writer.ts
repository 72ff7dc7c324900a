/** Writes jobs throughout their lifetime. Only `writeMove` changes the state. */
import { and, eq, inArray, lt, placeholder, sql, type SQL } from 'drizzle-orm';
import { TaskTakenError } from '../../jobs/model/errors.ts';
import type { Job, Move } from '../../jobs/model/job.ts';
import type { JobPatch, JobWriter, NewJob } from '../../jobs/ports/job-writer.ts';
import type { Transaction } from '../../transaction.ts';
import type { Announcer } from '../feed/announcer.ts';
import type { Connections } from '../connection/client.ts';
import { inMs } from '../sql/durations.ts';
import { toAssignments, toJob, toRow, type Assignments } from './job-row.ts';
import { gates, jobs, thisTransaction, turns } from '../tables/jobs.ts';
import { afterCommit, inside, statement, withFirst, withTransaction } from '../connection/transaction.ts';
import { isDuplicateOf } from '../connection/unavailable.ts';

/** Returns `permits` of `jobs/model/job.ts` as an SQL condition, with placeholders for the values. */
const permitted = (move: Move): SQL | undefined =>
  and(
    eq(jobs.id, placeholder('jobId')),
    lt(jobs.rank, placeholder('rank')),
    move.from && inArray(jobs.state, [...move.from]),
    move.attempt === undefined ? undefined : eq(jobs.attempt, placeholder('ofAttempt')),
    move.leaseToken === undefined ? undefined : eq(jobs.leaseToken, placeholder('ofLease')),
  );

/** Returns the form of a move. Moves with the same kinds of conditions share a prepared statement. */
const formOf = (move: Move): string =>
  [move.from?.join('|'), move.attempt !== undefined && 'attempt', move.leaseToken !== undefined && 'lease'].join();

const oneVersionUp = { version: sql`${jobs.version} + 1`, updatedAt: sql`now()`, changedXid: thisTransaction };

/** The prepared writes of a job, one for each form of a move and a patch: a few dozen, created on first use. */
const writes = new Map<string, ReturnType<typeof prepareWrite>>();

function prepareWrite(name: string, move: Move | null, set: Assignments['set']) {
  // Drizzle accepts placeholders in `set`, although its types do not say so.
  const assignments = { ...(move && { state: placeholder('state'), rank: placeholder('rank') }), ...set } as object;
  const where = move ? permitted(move) : eq(jobs.id, placeholder('jobId'));
  return statement((db) =>
    db
      .update(jobs)
      .set({ ...assignments, ...oneVersionUp })
      .where(where)
      .returning()
      .prepare(name),
  );
}

async function write(tx: Transaction, jobId: string, move: Move | null, patch: JobPatch): Promise<Job | null> {
  const { form, set, values } = toAssignments(patch);
  const key = `${move ? formOf(move) : 'amend'} ${form}`;
  const prepared = writes.get(key) ?? prepareWrite(`write_${writes.size}`, move, set);
  writes.set(key, prepared);
  const rows = await prepared(tx)
    .execute({
      jobId,
      ...(move && { state: move.to, rank: move.rank, ofAttempt: move.attempt, ofLease: move.leaseToken }),
      ...values,
    })
    .catch((error: unknown) => {
      throw patch.taskId !== undefined && isDuplicateOf(error, 'jobs_task_id')
        ? new TaskTakenError(patch.taskId)
        : error;
    });
  return rows[0] ? toJob(rows[0]) : null;
}

async function insert(tx: Transaction, job: NewJob): Promise<Job | null> {
  const db = inside(tx);
  const { upstreamId, accountId } = job;
  const inserted = await db.insert(jobs).values(toRow(job)).onConflictDoNothing().returning({ id: jobs.id });
  if (!inserted[0]) return null;
  // Takes a turn only after the insert, so that a repeated idempotency key takes none.
  const turn = db.$with('turn').as(
    db
      .insert(turns)
      .values({
        upstreamId,
        accountId,
        lastTag: sql`coalesce((select ${gates.virtualTime} from ${gates} where ${gates.upstreamId} = ${upstreamId}), 0) + 1`,
      })
      .onConflictDoUpdate({
        target: [turns.upstreamId, turns.accountId],
        set: { lastTag: sql`greatest(${turns.lastTag} + 1, excluded.last_tag)` },
      })
      .returning({ lastTag: turns.lastTag }),
  );
  const rows = await db
    .with(turn)
    .update(jobs)
    .set({ tag: sql`(select last_tag from turn)` })
    .where(eq(jobs.id, job.id))
    .returning();
  return rows[0] ? toJob(rows[0]) : null;
}

const lockJob = statement((db) =>
  db
    .select()
    .from(jobs)
    .where(eq(jobs.id, placeholder('jobId')))
    .for('update')
    .prepare('lock_job'),
);

async function lock(tx: Transaction, jobId: string): Promise<Job | null> {
  const rows = await lockJob(tx).execute({ jobId });
  return rows[0] ? toJob(rows[0]) : null;
}

/**
 * Creates a writer that calls `announce` for every change once it is committed. It also does so when COMMIT got no
 * answer, because a superfluous wake-up does no harm.
 */
export function createJobWriter(connections: Connections, announce: Announcer['announce']): JobWriter {
  async function announced(tx: Transaction, writing: Promise<Job | null>): Promise<Job | null> {
    const job = await writing;
    if (job) afterCommit(tx, () => announce(job), { alsoInDoubt: true });
    return job;
  }

  return {
    transaction: (work) => withTransaction(connections, work),
    transactionOn: (jobId, work) => withFirst(connections, (tx) => lock(tx, jobId), work),

    async findByKey(tx, accountId, idempotencyKey) {
      const rows = await inside(tx)
        .select()
        .from(jobs)
        .where(and(eq(jobs.accountId, accountId), eq(jobs.idempotencyKey, idempotencyKey)));
      return rows[0] ? toJob(rows[0]) : null;
    },

    lock,

    async lockOwn(tx, accountId, jobId) {
      const rows = await inside(tx)
        .select()
        .from(jobs)
        .where(and(eq(jobs.id, jobId), eq(jobs.accountId, accountId)))
        .for('update');
      return rows[0] ? toJob(rows[0]) : null;
    },

    insert: (tx, job) => announced(tx, insert(tx, job)),
    writeMove: (tx, jobId, move, patch) => announced(tx, write(tx, jobId, move, patch)),
    amend: (tx, jobId, patch) => announced(tx, write(tx, jobId, null, patch)),

    async pollWithin(tx, jobId, ms) {
      const at = inMs(ms);
      await inside(tx)
        .update(jobs)
        .set({ nextPollAt: sql`least(coalesce(${jobs.nextPollAt}, ${at}), ${at})` })
        .where(eq(jobs.id, jobId));
    },
  };
}
