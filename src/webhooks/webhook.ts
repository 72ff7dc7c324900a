/**
 * Webhooks: our signed POSTs to clients' own URLs. What there is to know about an endpoint, an event and its
 * deliveries.
 */

/** What happens to jobs. */
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
 * `STANDARD` is Standard Webhooks' payload; `FLAT` the body that the REST doors' clients know. The signature is the
 * same.
 */
export type WebhookFormat = 'STANDARD' | 'FLAT';

export const endpointStatuses = ['ACTIVE', 'DISABLED'] as const;
export type EndpointStatus = (typeof endpointStatuses)[number];

/** `GONE`: it answered 410. `FAILING`: nothing was delivered for too long. `BY_OWNER`: its owner wished it. */
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
  /** Since when every delivery has failed; null when the last one has not. */
  readonly failingSince: Date | null;
  readonly createdAt: Date;
}

/**
 * `DUE` is tried, or tried again, at `nextAttemptAt`; `FAILED` has used up its tries; `STOPPED` had its endpoint
 * disabled or deleted.
 */
export const deliveryStates = ['DUE', 'DELIVERED', 'FAILED', 'STOPPED'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

export interface WebhookDelivery {
  readonly id: string;
  readonly accountId: string;
  /** The event's id, which is `webhook-id` on every try. */
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

/** One try, as it is kept. */
export interface WebhookAttempt {
  readonly number: number;
  readonly at: Date;
  /** Null when nothing was answered. */
  readonly httpStatus: number | null;
  /** Why nothing was answered, such as `TIMED_OUT`; null when something was. */
  readonly failure: string | null;
  readonly latencyMs: number;
}
