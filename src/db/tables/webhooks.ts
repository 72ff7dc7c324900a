/** The tables of webhooks. */
import { sql, type SQL } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
  type AnyPgColumn,
} from 'drizzle-orm/pg-core';
import {
  jobEventTypes,
  type DeliveryState,
  type DisabledReason,
  type EndpointStatus,
  type JobEventType,
  type WebhookEventType,
  type WebhookFormat,
} from '../../webhooks/webhook.ts';
import { accounts } from './accounts.ts';
import { jobs } from './jobs.ts';

/**
 * Returns the condition that an endpoint is active and wants events of a type. The type is a literal and never a
 * parameter, so that the partial indexes match the condition.
 */
export const isWanting = (
  { status, eventTypes }: { readonly status: AnyPgColumn; readonly eventTypes: AnyPgColumn },
  type: JobEventType,
): SQL => sql`${status} = 'ACTIVE' and ${sql.raw(`'${type}'`)} = any(${eventTypes})`;

const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    id: uuid('id').primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => accounts.id),
    url: text('url').notNull(),
    host: text('host').notNull(),
    eventTypes: text('event_types').array().$type<WebhookEventType[]>().notNull(),
    status: text('status').$type<EndpointStatus>().notNull().default('ACTIVE'),
    disabledReason: text('disabled_reason').$type<DisabledReason>(),
    disabledAt: instant('disabled_at'),
    failingSince: instant('failing_since'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (endpoint) => [
    index('webhook_endpoints_by_account').on(endpoint.accountId, endpoint.createdAt),
    // A single index probe shows whether any active endpoint of an account wants a type, however many do not. A settle
    // runs this check.
    ...jobEventTypes.map((type) =>
      index(`webhook_endpoints_wanting_${type.replace('motion_job.', '')}`)
        .on(endpoint.accountId)
        .where(isWanting(endpoint, type)),
    ),
    check(
      'webhook_endpoints_disabled_for_a_reason',
      sql`(${endpoint.status} = 'DISABLED') = (${endpoint.disabledReason} is not null)`,
    ),
  ],
);

/**
 * Webhook secrets. They are sealed rather than hashed, because signing needs the plain text. The owner is the id of an
 * endpoint, or `account:` and the id of an account for the URLs of its jobs.
 */
export const webhookSecrets = pgTable('webhook_secrets', {
  owner: text('owner').primaryKey(),
  accountId: text('account_id')
    .notNull()
    .references(() => accounts.id),
  sealed: text('sealed').notNull(),
  previousSealed: text('previous_sealed'),
  previousUntil: instant('previous_until'),
});

/** Events as they are delivered. An event is deleted with its job. */
export const webhookEvents = pgTable(
  'webhook_events',
  {
    id: uuid('id').primaryKey(),
    accountId: text('account_id').notNull(),
    jobId: uuid('job_id').references(() => jobs.id, { onDelete: 'cascade' }),
    type: text('type').$type<WebhookEventType>().notNull(),
    /** The body in the standard format, byte for byte. */
    body: text('body').notNull(),
    /** True while deliveries to endpoints of the account still have to be created. */
    needsFanOut: boolean('needs_fan_out').notNull().default(false),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (event) => [
    index('webhook_events_by_job').on(event.jobId),
    index('webhook_events_by_age').on(event.createdAt),
    index('webhook_events_to_fan_out')
      .on(event.accountId, event.createdAt)
      .where(sql`${event.needsFanOut}`),
  ],
);

/** Deliveries, each of one event to one receiver. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: uuid('id').primaryKey(),
    eventId: uuid('event_id')
      .notNull()
      .references(() => webhookEvents.id, { onDelete: 'cascade' }),
    accountId: text('account_id').notNull(),
    jobId: uuid('job_id'),
    /** Null for a job's own URL. */
    endpointId: uuid('endpoint_id'),
    url: text('url').notNull(),
    host: text('host').notNull(),
    format: text('format').$type<WebhookFormat>().notNull(),
    /** The body if its format differs from the event's, fixed at the same time as the event's body; null otherwise. */
    body: text('body'),
    state: text('state').$type<DeliveryState>().notNull().default('DUE'),
    /** All attempts, and the failed ones since the delivery was created or last redelivered. */
    attempts: integer('attempts').notNull().default(0),
    failures: integer('failures').notNull().default(0),
    /**
     * The time of the next attempt; null if there is none. An instance that makes an attempt moves it into the future,
     * which is its lease.
     */
    nextAttemptAt: instant('next_attempt_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (delivery) => [
    index('webhook_deliveries_due')
      .on(delivery.host, delivery.nextAttemptAt)
      .where(sql`${delivery.nextAttemptAt} is not null`),
    index('webhook_deliveries_by_account').on(delivery.accountId, delivery.createdAt, delivery.id),
    // An event goes to an endpoint only once. A delivery to a job's own URL has no endpoint, and is created together
    // with its event.
    uniqueIndex('webhook_deliveries_by_event').on(delivery.eventId, delivery.endpointId),
    index('webhook_deliveries_by_endpoint').on(delivery.endpointId, delivery.createdAt, delivery.id),
    index('webhook_deliveries_due_by_endpoint')
      .on(delivery.endpointId)
      .where(sql`${delivery.nextAttemptAt} is not null`),
    check(
      'webhook_deliveries_due_at_a_time',
      sql`(${delivery.state} = 'DUE') = (${delivery.nextAttemptAt} is not null)`,
    ),
  ],
);

/** The delivery log. */
export const webhookAttempts = pgTable(
  'webhook_attempts',
  {
    deliveryId: uuid('delivery_id')
      .notNull()
      .references(() => webhookDeliveries.id, { onDelete: 'cascade' }),
    number: integer('number').notNull(),
    at: instant('at')
      .notNull()
      .default(sql`clock_timestamp()`),
    httpStatus: integer('http_status'),
    failure: text('failure'),
    latencyMs: integer('latency_ms').notNull(),
  },
  (attempt) => [primaryKey({ columns: [attempt.deliveryId, attempt.number] })],
);
