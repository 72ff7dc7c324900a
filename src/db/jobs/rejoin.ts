/**
 * Records of REST requests: whether they were answered, and what the client sent. All times are read from the
 * database's clock rather than from the start of the transaction, which may have waited.
 */
import { and, desc, eq, getTableColumns, gt, inArray, isNull, lte, ne, or, sql, type SQL } from 'drizzle-orm';
import type { EarlierRequest, RejoinStore } from '../../jobs/ports/rejoin.ts';
import type { Connections } from '../connection/client.ts';
import { ms } from '../sql/durations.ts';
import { restBodies, restRequests as requests } from '../tables/rest.ts';
import { jobs } from '../tables/jobs.ts';
import { inside } from '../connection/transaction.ts';

const clock = sql`clock_timestamp()`;
const epochMs = (instant: SQL): SQL<number> => sql<number>`(extract(epoch from ${instant}) * 1000)::float8`;
const instantOf = (epoch: number): SQL => sql`to_timestamp(${epoch}::float8 / 1000)`;
const msSince = (instant: SQL): SQL<number | null> =>
  sql<number | null>`(extract(epoch from ${clock} - ${instant}) * 1000)::float8`;

/** The instant from which the age of a request is counted. */
const newestAt = sql`greatest(${requests.openedAt}, ${requests.unansweredAt})`;
const isAsked = sql`${requests.askedAt} > coalesce(${requests.confirmedAt}, '-infinity')`;

/**
 * True if nothing shows whether the answer of a request arrived. Such a doubtful request is stored as an unanswered one
 * that can be joined for a shorter time, so its `unanswered_at` is earlier by the difference. Its `confirmed_at` is the
 * time at which the answer was written, which is later than `unanswered_at`. For a request that is known to be
 * unanswered, `confirmed_at` is never later.
 */
const isDoubtful = sql`${requests.confirmedAt} > ${requests.unansweredAt}`;

/**
 * Restricts late reports of an instance: they must not overwrite an answer that another instance has given or is about
 * to give.
 */
const isOwnOrUnanswered = (instanceId: string): SQL | undefined =>
  or(eq(requests.state, 'UNANSWERED'), eq(requests.instanceId, instanceId));

/** The maximum number of earlier requests to read. Only load tests have more open requests of one body and key. */
const MAX_EARLIER = 1_000;

export function createRejoinStore({ db }: Connections): RejoinStore {
  return {
    async findEarlier(tx, { keyId, bodyHash }, maxAgeMs) {
      // Takes the lock first and reads in a later statement. Of two concurrent requests, the second therefore sees what
      // the first has stored.
      await inside(tx).execute(
        sql`select pg_advisory_xact_lock(hashtextextended(${`request ${keyId} ${bodyHash}`}, 0))`,
      );
      const [now] = (await inside(tx).execute<{ nowMs: number }>(sql`select ${epochMs(clock)} as "nowMs"`)).rows;
      const rows = await inside(tx)
        .select({
          jobId: requests.jobId,
          state: requests.state,
          unansweredForMs: msSince(sql`${requests.unansweredAt}`),
          doubtfulSinceMs: sql<
            number | null
          >`case when ${isDoubtful} then ${epochMs(sql`${requests.confirmedAt}`)} end`,
          askedForMs: sql<number | null>`case when ${isAsked} then ${msSince(sql`${requests.askedAt}`)} end`,
          openAtMs: epochMs(sql`greatest(${requests.openedAt}, ${requests.confirmedAt})`),
        })
        .from(requests)
        .where(
          and(
            eq(requests.keyId, keyId),
            eq(requests.bodyHash, bodyHash),
            sql`${requests.state} <> 'ANSWERED'`,
            gt(newestAt, sql`${clock} - ${ms(maxAgeMs)}`),
          ),
        )
        .orderBy(desc(requests.openedAt), desc(requests.jobId))
        .limit(MAX_EARLIER);
      return { nowMs: now!.nowMs, earlier: rows as EarlierRequest[] };
    },

    async recordOpen(tx, { keyId, bodyHash }, { jobId, instanceId, openAtMs }) {
      await inside(tx)
        .insert(requests)
        .values({ jobId, keyId, bodyHash, instanceId, openedAt: instantOf(openAtMs) });
    },

    async reopen(jobId, instanceId, openAtMs) {
      await db
        .update(requests)
        .set({
          state: 'OPEN',
          instanceId,
          openedAt: instantOf(openAtMs),
          askedAt: null,
          confirmedAt: null,
          unansweredAt: null,
        })
        .where(and(eq(requests.jobId, jobId), ne(requests.state, 'ANSWERED')));
    },

    async extendJoinTime(jobId, holdMs) {
      // The client repeated the request, so an answer whose arrival was in doubt did not arrive.
      await db
        .update(requests)
        .set({ state: 'UNANSWERED', unansweredAt: sql`${clock} + ${ms(holdMs)}` })
        .where(and(eq(requests.jobId, jobId), ne(requests.state, 'ANSWERED')));
    },

    async recordSent(tx, jobId, { body, traceId }) {
      await inside(tx).insert(restBodies).values({ jobId, body, traceId });
    },

    async findSent(accountId, jobIds) {
      if (jobIds.length === 0) return new Map();
      const rows = await db
        .select(getTableColumns(restBodies))
        .from(restBodies)
        .innerJoin(jobs, and(eq(jobs.id, restBodies.jobId), eq(jobs.accountId, accountId)))
        .where(inArray(restBodies.jobId, [...jobIds]));
      return new Map(rows.map(({ jobId, body, traceId }) => [jobId, { body, traceId }]));
    },

    async findTraceId(tx, jobId) {
      const rows = await inside(tx)
        .select({ traceId: restBodies.traceId })
        .from(restBodies)
        .where(eq(restBodies.jobId, jobId));
      return rows[0]?.traceId ?? null;
    },

    async ask(jobIds) {
      await db
        .update(requests)
        .set({ askedAt: clock })
        .where(
          and(
            inArray(requests.jobId, [...jobIds]),
            eq(requests.state, 'OPEN'),
            or(isNull(requests.askedAt), lte(requests.askedAt, requests.confirmedAt)),
          ),
        );
    },

    async findAsked(instanceId) {
      const rows = await db
        .select({ jobId: requests.jobId, nowMs: epochMs(clock) })
        .from(requests)
        .where(
          and(
            eq(requests.instanceId, instanceId),
            eq(requests.state, 'OPEN'),
            sql`${requests.askedAt} is not null`,
            isAsked,
          ),
        );
      return { nowMs: Math.min(...rows.map(({ nowMs }) => nowMs)), jobIds: rows.map(({ jobId }) => jobId) };
    },

    async confirmOpen(jobIds, atMs) {
      await db
        .update(requests)
        .set({ confirmedAt: instantOf(atMs) })
        .where(and(inArray(requests.jobId, [...jobIds]), eq(requests.state, 'OPEN')));
    },

    async recordAnswers(instanceId, jobIds, state, renew) {
      // While a repeat is held, `unanswered_at` is in the future.
      const since = renew ? clock : sql`least(coalesce(${requests.unansweredAt}, ${clock}), ${clock})`;
      await db
        .update(requests)
        .set({ state, unansweredAt: state === 'UNANSWERED' ? since : null })
        .where(
          and(inArray(requests.jobId, [...jobIds]), state === 'UNANSWERED' ? isOwnOrUnanswered(instanceId) : undefined),
        );
    },

    async recordDoubts(instanceId, jobIds, writtenAtMs, unansweredAgoMs) {
      await db
        .update(requests)
        .set({
          state: 'UNANSWERED',
          confirmedAt: instantOf(writtenAtMs),
          unansweredAt: sql`${clock} - ${ms(unansweredAgoMs)}`,
        })
        .where(and(inArray(requests.jobId, [...jobIds]), isOwnOrUnanswered(instanceId)));
    },

    async forgetRequests(maxAgeMs, limit) {
      // The condition on `opened_at` follows from the other one, and is there for the index.
      const oldest = sql`${clock} - ${ms(maxAgeMs)}`;
      const { rowCount } = await db.execute(sql`
        with due as (
          select job_id from ${requests} where ${requests.openedAt} < ${oldest} and ${newestAt} < ${oldest}
          order by ${requests.openedAt} limit ${limit} for update skip locked
        )
        delete from ${requests} using due where ${requests.jobId} = due.job_id`);
      return rowCount ?? 0;
    },
  };
}
