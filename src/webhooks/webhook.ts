/** Webhooks: our signed POSTs to clients' own URLs. Defines endpoints, events and deliveries. */

/** Types of events about jobs. */
export const jobEventTypes = [
  'motion_job.processing',
  'motion_job.succeeded',
  'motion_job.failed',
  'motion_job.canceled',
] as const;
export type JobEventType = (typeof jobEventTypes)[number];

export const webhookEventTypes = [...jobEventTypes, 'webhook.test'] as const;
export type WebhookEventType = (typeof webhookEventTypes)[number];

/**
 * `STANDARD` is the payload of Standard Webhooks; `FLAT` is the body that clients of the REST routes expect. Both are
 * signed in the same way.
 */
export type WebhookFormat = 'STANDARD' | 'FLAT';

export const endpointStatuses = ['ACTIVE', 'DISABLED'] as const;
export type EndpointStatus = (typeof endpointStatuses)[number];

/**
 * `GONE`: the endpoint answered 410. `FAILING`: no delivery succeeded for too long. `BY_OWNER`: its owner disabled it.
 */
export const disabledReasons = ['GONE', 'FAILING', 'BY_OWNER'] as const;
export type DisabledReason = (typeof disabledReasons)[number];

export interface WebhookEndpoint {
  readonly id: string;
  readonly accountId: string;
  readonly url: string;
  readonly eventTypes: readonly WebhookEventType[];
  readonly status: EndpointStatus;
  readonly disabledReason: DisabledReason | null;
  readonly disabledAt: Date | null;
  /** Time since which every delivery has failed; null if the last one succeeded. */
  readonly failingSince: Date | null;
  readonly createdAt: Date;
}

/**
 * `DUE` is attempted, or retried, at `nextAttemptAt`. `FAILED` has used up its attempts or was answered 410. `STOPPED`
 * had its endpoint disabled or deleted.
 */
export const deliveryStates = ['DUE', 'DELIVERED', 'FAILED', 'STOPPED'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

export interface WebhookDelivery {
  readonly id: string;
  readonly accountId: string;
  /** Id of the event, sent as `webhook-id` with every attempt. */
  readonly eventId: string;
  readonly eventType: WebhookEventType;
  readonly jobId: string | null;
  /** Null for a job's own `webhookUrl`. */
  readonly endpointId: string | null;
  readonly url: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly createdAt: Date;
}

/** One attempt, as recorded. */
export interface WebhookAttempt {
  readonly number: number;
  readonly at: Date;
  /** Null if there was no answer. */
  readonly httpStatus: number | null;
  /** Reason for a missing answer, such as `TIMED_OUT`; null if there was an answer. */
  readonly failure: string | null;
  readonly latencyMs: number;
}
