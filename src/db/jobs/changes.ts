/** Reads the changes of an account's jobs, ordered by the transactions that made them. */
import { and, asc, desc, eq, lt, placeholder, sql, type SQL } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import type { ChangePosition, Snapshot } from '../../jobs/model/snapshot.ts';
import type { ChangeReader } from '../../jobs/ports/changes.ts';
import type { Connections, Database } from '../connection/client.ts';
import { toJob } from './job-row.ts';
import { jobs } from '../tables/jobs.ts';
import { sqlStateOf } from '../connection/unavailable.ts';

/**
 * The parts that identify a history: the server, its timeline, the database, and the table. A failover and a
 * point-in-time restore start a new timeline, and restoring a dump creates a new table.
 */
const server = sql`(select system_identifier from pg_control_system())`;
const timeline = sql`substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)`;
const table = sql`(select oid from pg_database where datname = current_database()), 'jobs'::regclass::oid`;

/**
 * Identifiers of the history, from the most to the least precise. The permissions of the role decide which one works;
 * on an ordinary server every role may call all of the functions.
 */
const histories: readonly SQL<string>[] = [
  sql`concat_ws('.', ${server}, ${timeline}, ${table})`,
  sql`concat_ws('.', '-', ${timeline}, ${table})`,
  sql`concat_ws('.', '-', '-', ${table})`,
];
const isRefused = (error: unknown): boolean => ['42501', '0A000'].includes(sqlStateOf(error) ?? '');

const snapshotNow = sql<string>`pg_current_snapshot()::text`;
/** A row restored from a dump keeps the transaction id of its old history, which may lie in the future of this one. */
const isOfThisHistory = lt(jobs.changedXid, sql`pg_snapshot_xmax(pg_current_snapshot())`);
const inOrder = () => [asc(jobs.changedXid), asc(jobs.id)];
/** A single row to select the moment from, so that the result has a row even if nothing has changed. */
const here = sql`(select) as here`;

/** The position before all others: no transaction and no job has these ids. */
const START: ChangePosition = { xid: 0n, jobId: '00000000-0000-0000-0000-000000000000' };

export function createChangeReader({ db }: Connections): ChangeReader {
  // Built and planned only once, because that costs more than executing them.
  const statements = histories.map((history, index) => ({
    moment: momentStatement(db, history, `moment_${index}`),
    changes: changesStatement(db, history, `changes_${index}`),
  }));
  let known = 0;

  async function telling<T>(read: (statement: (typeof statements)[number]) => Promise<T>): Promise<T> {
    for (;;) {
      const tried = known;
      try {
        return await read(statements[tried]!);
      } catch (error) {
        if (!isRefused(error) || tried === statements.length - 1) throw error;
        known = Math.max(known, tried + 1);
      }
    }
  }

  return {
    async findMoment(accountId) {
      const [row] = await telling(({ moment }) => moment.execute({ accountId }));
      const { history, snapshot, newestXid } = row!;
      return { history, snapshot: toSnapshot(snapshot), newestXid: newestXid === null ? null : BigInt(newestXid) };
    },

    async listChanges(accountId, seen, after, limit) {
      const position = after ?? START;
      // Each index scan gets a single lower bound. Given two, PostgreSQL may start at the lower one and read everything
      // in between.
      const start = position.xid < seen.xmax ? { ...START, xid: seen.xmax } : position;
      const rows = await telling(({ changes }) =>
        changes.execute({
          accountId,
          inProgress: `{${seen.inProgress.filter((xid) => xid >= position.xid).join()}}`,
          xid: String(position.xid),
          jobId: position.jobId,
          startXid: String(start.xid),
          startJobId: start.jobId,
          limit,
        }),
      );
      const { history, snapshot } = rows[0]!.moment;
      return {
        history,
        snapshot: toSnapshot(snapshot),
        changes: rows.flatMap(({ changes }) =>
          changes ? [{ xid: BigInt(changes.changedXid), job: toJob(changes) }] : [],
        ),
      };
    },
  };
}

function momentStatement(db: Database, history: SQL<string>, name: string) {
  const newest = db
    .select({ xid: jobs.changedXid })
    .from(jobs)
    .where(and(eq(jobs.accountId, placeholder('accountId')), isOfThisHistory))
    .orderBy(desc(jobs.changedXid))
    .limit(1);
  return db
    .select({ history, snapshot: snapshotNow, newestXid: sql<string | null>`(${newest})` })
    .from(here)
    .prepare(name);
}

function changesStatement(db: Database, history: SQL<string>, name: string) {
  /**
   * Selects the jobs that the given transactions changed. Each of the two conditions on transactions is an index scan;
   * a single condition that combines them would not be.
   */
  const changedBy = (transactions: SQL | undefined) =>
    db
      .select()
      .from(jobs)
      .where(and(eq(jobs.accountId, placeholder('accountId')), transactions, isOfThisHistory))
      .orderBy(...inOrder())
      .limit(placeholder('limit'));
  const behind = (xid: string, jobId: string) =>
    sql`(${jobs.changedXid}, ${jobs.id}) > (${placeholder(xid)}::xid8, ${placeholder(jobId)}::uuid)`;
  const late = changedBy(
    and(sql`${jobs.changedXid} = any(${placeholder('inProgress')}::xid8[])`, behind('xid', 'jobId')),
  );
  const later = changedBy(behind('startXid', 'startJobId'));
  const changes = unionAll(late, later)
    .orderBy(...inOrder())
    .limit(placeholder('limit'))
    .as('changes');
  const moment = db
    .select({ history: history.as('history'), snapshot: snapshotNow.as('snapshot') })
    .from(here)
    .as('moment');
  // A single statement, so that the rows are exactly those that the snapshot sees.
  return db
    .select()
    .from(moment)
    .leftJoin(changes, sql`true`)
    .orderBy(changes.changedXid, changes.id)
    .prepare(name);
}

/** Parses a snapshot from `xmin:xmax:in,progress`. */
function toSnapshot(text: string): Snapshot {
  const [, xmax = '', inProgress = ''] = text.split(':');
  return { xmax: BigInt(xmax), inProgress: inProgress === '' ? [] : inProgress.split(',').map(BigInt) };
}
