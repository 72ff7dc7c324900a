/** The tables as Drizzle sees them. `npm run db:generate` turns a change to this file into a migration. */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { Fault, Probe } from '../../jobs/model/admission-gate.ts';
import type {
  CharacterOrientation,
  ChargeStatus,
  FailureCode,
  JobState,
  JobWebhook,
  Label,
  MotionMode,
  SettledBy,
} from '../../jobs/model/job.ts';
import type { JobEventType, SubmitEndKind, Verdict } from '../../jobs/model/job-event.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** A 64-bit transaction id, which unlike `xid` never wraps around. Read as text, because it may exceed 2^53. */
const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' });

/** The id of the transaction that writes the row, for use in `set` and as a default. */
export const thisTransaction = sql`pg_current_xact_id()`;

export const jobs = pgTable(
  'jobs',
  {
    id: uuid('id').primaryKey(),
    accountId: text('account_id').notNull(),
    version: integer('version').notNull().default(1),
    state: text('state').$type<JobState>().notNull().default('QUEUED'),
    rank: integer('rank').notNull().default(0),
    attempt: integer('attempt').notNull().default(0),
    upstreamId: text('upstream_id').notNull(),
    sandbox: boolean('sandbox').notNull(),

    imageUrl: text('image_url').notNull(),
    videoUrl: text('video_url').notNull(),
    prompt: text('prompt'),
    mode: text('mode').$type<MotionMode>().notNull(),
    model: text('model'),
    characterOrientation: text('character_orientation').$type<CharacterOrientation>().notNull(),
    keepOriginalSound: boolean('keep_original_sound').notNull(),
    watermark: boolean('watermark').notNull(),
    labels: jsonb('labels').$type<readonly Label[]>().notNull(),
    /** The URL to notify when the job ends, and the format of the notification. */
    webhookUrl: text('webhook_url'),
    webhookFormat: text('webhook_format').$type<JobWebhook['format']>(),
    idempotencyKey: text('idempotency_key'),
    inputHash: text('input_hash').notNull(),

    taskId: text('task_id'),
    videoId: text('video_id'),
    resultUrl: text('result_url'),
    durationSeconds: doublePrecision('duration_seconds'),
    urlExpiresAt: instant('url_expires_at'),
    failureCode: text('failure_code').$type<FailureCode>(),
    failureMessage: text('failure_message'),
    upstreamCode: text('upstream_code'),
    upstreamTraceId: text('upstream_trace_id'),
    charge: text('charge').$type<ChargeStatus>(),
    settledBy: text('settled_by').$type<SettledBy>(),

    /** In QUEUED: the place in the queue, assigned so that accounts take fair turns. */
    tag: bigint('tag', { mode: 'number' }).notNull().default(0),
    /**
     * Identifies the claim of the attempt. Two claims can take the same attempt number if the commit of the first one
     * was rolled back without its instance learning of it.
     */
    leaseToken: uuid('lease_token'),
    /** In SUBMITTING: the time after which the outcome of the attempt counts as unknown. */
    leaseExpiresAt: instant('lease_expires_at'),
    /**
     * The time of the next look-up; null if there is nothing to look up. An instance that starts a look-up moves it
     * into the future, which is its lease.
     */
    nextPollAt: instant('next_poll_at'),
    /** The time since which look-ups have not found the job's task. */
    taskMissingAt: instant('task_missing_at'),
    /** The number of times that work on the result of a look-up has begun without being completed. */
    workAttempts: smallint('work_attempts').notNull().default(0),
    suspicions: smallint('suspicions').notNull().default(0),
    cancelRequestedAt: instant('cancel_requested_at'),
    attemptedAt: instant('attempted_at'),
    submittedAt: instant('submitted_at'),
    completedAt: instant('completed_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
    /** The last transaction whose effect a client could see. Account feeds resume by it. */
    changedXid: xid8('changed_xid').notNull().default(thisTransaction),
  },
  (job) => [
    uniqueIndex('jobs_idempotency_key')
      .on(job.accountId, job.idempotencyKey)
      .where(sql`${job.idempotencyKey} is not null`),
    uniqueIndex('jobs_task_id')
      .on(job.upstreamId, job.taskId)
      .where(sql`${job.taskId} is not null`),
    index('jobs_by_account').on(job.accountId, job.createdAt, job.id),
    index('jobs_by_label').using('gin', job.labels.op('jsonb_path_ops')),
    index('jobs_queued')
      .on(job.upstreamId, job.tag, job.id)
      .where(sql`${job.state} = 'QUEUED'`),
    index('jobs_to_probe')
      .on(job.upstreamId, job.attempt, job.tag, job.id)
      .where(sql`${job.state} = 'QUEUED'`),
    index('jobs_waiting')
      .on(job.createdAt)
      .where(sql`${job.state} = 'QUEUED'`),
    index('jobs_changed').on(job.accountId, job.changedXid, job.id),
    index('jobs_succeeded')
      .on(job.upstreamId, job.completedAt)
      .where(sql`${job.state} = 'SUCCEEDED'`),
    index('jobs_ended')
      .on(job.completedAt)
      .where(sql`${job.completedAt} is not null`),
    index('jobs_in_flight')
      .on(job.upstreamId, job.attemptedAt)
      .where(sql`${job.state} in ('SUBMITTING', 'PROCESSING', 'UNCONFIRMED')`),
    index('jobs_submitting')
      .on(job.upstreamId, job.leaseExpiresAt)
      .where(sql`${job.state} = 'SUBMITTING'`),
    index('jobs_open')
      .on(job.accountId)
      .where(sql`${job.state} in ('QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING')`),
    index('jobs_to_poll')
      .on(job.upstreamId, job.nextPollAt)
      .where(sql`${job.nextPollAt} is not null`),
    check(
      'jobs_state',
      sql`${job.state} in ('QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING', 'SUCCEEDED', 'FAILED', 'CANCELED')`,
    ),
    check('jobs_success_has_a_video', sql`(${job.state} = 'SUCCEEDED') = (${job.resultUrl} is not null)`),
    check('jobs_webhook_has_a_format', sql`(${job.webhookUrl} is null) = (${job.webhookFormat} is null)`),
    check('jobs_failure_has_a_code', sql`(${job.state} = 'FAILED') = (${job.failureCode} is not null)`),
  ],
);

/** The callback inbox: every distinct callback body of a job, kept as evidence. */
export const callbacks = pgTable(
  'callbacks',
  {
    jobId: uuid('job_id')
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    /** SHA-256 of the body as received. */
    bodyHash: text('body_hash').notNull(),
    attempt: integer('attempt').notNull(),
    taskId: text('task_id'),
    /** The body with signed URLs redacted. Stored as text, because it may be anything. */
    body: text('body').notNull(),
    verdict: text('verdict').$type<Verdict>().notNull(),
    receivedAt: instant('received_at').notNull().defaultNow(),
  },
  (callback) => [
    primaryKey({ columns: [callback.jobId, callback.bodyHash] }),
    index('callbacks_by_age').on(callback.receivedAt),
  ],
);

/** The timeline: the events of a job, in the order in which they became known. */
export const jobEvents = pgTable(
  'job_events',
  {
    jobId: uuid('job_id')
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    /** Increases within a job, because its events are written under the lock of its row. */
    id: bigint('id', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    type: text('type').$type<JobEventType>().notNull(),
    /** The state that the event moved the job to; null if it did not move the job. */
    state: text('state').$type<JobState>(),
    version: integer('version').notNull(),
    attempt: integer('attempt'),
    submitEnd: text('submit_end').$type<SubmitEndKind>(),
    httpStatus: smallint('http_status'),
    upstreamTraceId: text('upstream_trace_id'),
    verdict: text('verdict').$type<Verdict>(),
    message: text('message'),
    at: instant('at')
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (event) => [
    primaryKey({ columns: [event.jobId, event.id] }),
    // The end of an attempt is recorded again if the database did not confirm the first write. It must appear only
    // once.
    uniqueIndex('job_events_attempt_ended')
      .on(event.jobId, event.attempt)
      .where(sql`${event.type} = 'ATTEMPT_ENDED'`),
    index('job_events_by_age').on(event.at),
  ],
);

/** Idempotency keys of deleted jobs, kept for a while so that a repeat is refused rather than paid for again. */
export const spentKeys = pgTable(
  'spent_keys',
  {
    accountId: text('account_id').notNull(),
    idempotencyKey: text('idempotency_key').notNull(),
    jobId: uuid('job_id').notNull(),
    inputHash: text('input_hash').notNull(),
    deletedAt: instant('deleted_at').notNull().defaultNow(),
  },
  (key) => [primaryKey({ columns: [key.accountId, key.idempotencyKey] }), index('spent_keys_by_age').on(key.deletedAt)],
);

/** The last place in an upstream's queue that each account was given, for fair turns. */
export const turns = pgTable(
  'turns',
  {
    upstreamId: text('upstream_id').notNull(),
    accountId: text('account_id').notNull(),
    lastTag: bigint('last_tag', { mode: 'number' }).notNull(),
  },
  (turn) => [primaryKey({ columns: [turn.upstreamId, turn.accountId] })],
);

/** The admission row of an upstream. Every transaction that submits locks it first. */
export const gates = pgTable('gates', {
  upstreamId: text('upstream_id').primaryKey(),
  nextSubmitAt: instant('next_submit_at').notNull().defaultNow(),
  pausedUntil: instant('paused_until'),
  pauseReason: text('pause_reason'),
  pauseCount: smallint('pause_count').notNull().default(0),
  /** The probe that ends the pause: a free look-up and then one job, or one job only. Null while the gate is open. */
  probe: text('probe').$type<Probe>(),
  /** The id of the probe in progress: that of the job, or one made for the look-up. */
  probedBy: uuid('probed_by'),
  /** Ambiguous submits since the last one that the upstream accepted or rejected: the account and the input of each. */
  faults: jsonb('faults').$type<readonly Fault[]>().notNull().default([]),
  /** The highest tag that has passed the gate. An account that returns to the queue starts behind it. */
  virtualTime: bigint('virtual_time', { mode: 'number' }).notNull().default(0),
});
