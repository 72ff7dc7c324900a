/** The tables of the REST routes. */
import { sql } from 'drizzle-orm';
import { check, index, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { AnswerState } from '../../jobs/ports/rejoin.ts';
import { jobs } from './jobs.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
const clock = sql`clock_timestamp()`;

/**
 * The requests as clients sent them, which task records echo. A row lives as long as its job, and exists only for jobs
 * that were submitted over REST.
 */
export const restBodies = pgTable('rest_bodies', {
  jobId: uuid('job_id')
    .primaryKey()
    .references(() => jobs.id, { onDelete: 'cascade' }),
  /** JSON as text: `jsonb` rejects NUL and lone surrogates, and does not keep the order of keys. */
  body: text('body').notNull(),
  /** The id of the request. */
  traceId: text('trace_id').notNull(),
});

/**
 * Records of accepted requests without an idempotency key, and of whether they were answered. A repeat uses them to
 * join an earlier request. A record is deleted when its request can no longer be joined.
 */
export const restRequests = pgTable(
  'rest_requests',
  {
    jobId: uuid('job_id')
      .primaryKey()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    keyId: uuid('key_id').notNull(),
    bodyHash: text('body_hash').notNull(),
    state: text('state').$type<AnswerState>().notNull().default('OPEN'),
    /** The process that holds the connection. */
    instanceId: uuid('instance_id').notNull(),
    openedAt: instant('opened_at').notNull().default(clock),
    /** When a repeat last asked whether the connection is open, and when the instance last confirmed that it is. */
    askedAt: instant('asked_at'),
    confirmedAt: instant('confirmed_at'),
    unansweredAt: instant('unanswered_at'),
  },
  (request) => [
    index('rest_requests_to_join')
      .on(request.keyId, request.bodyHash, request.openedAt)
      .where(sql`${request.state} <> 'ANSWERED'`),
    index('rest_requests_asked')
      .on(request.instanceId)
      .where(sql`${request.state} = 'OPEN' and ${request.askedAt} is not null`),
    index('rest_requests_by_age').on(request.openedAt),
    check('rest_requests_state', sql`${request.state} in ('OPEN', 'ANSWERED', 'UNANSWERED')`),
    check(
      'rest_requests_unanswered_since',
      sql`(${request.state} = 'UNANSWERED') = (${request.unansweredAt} is not null)`,
    ),
  ],
);
