/** The enums of webhooks. */
import {
  deliveryStates,
  disabledReasons,
  endpointStatuses,
  webhookEventTypes,
  type DeliveryState as State,
  type DisabledReason,
  type EndpointStatus,
  type WebhookEventType as EventType,
} from '../webhooks/webhook.ts';
import { describedEnum } from './described-enum.ts';

const eventTypeNames = [
  'MOTION_JOB_PROCESSING',
  'MOTION_JOB_SUCCEEDED',
  'MOTION_JOB_FAILED',
  'MOTION_JOB_CANCELED',
  'WEBHOOK_TEST',
] as const;
export type EventTypeName = (typeof eventTypeNames)[number];

/** Names in GraphQL cannot contain dots. */
const namesByType = Object.fromEntries(
  webhookEventTypes.map((type, index) => [type, eventTypeNames[index]!]),
) as Readonly<Record<EventType, EventTypeName>>;
const typesByName = Object.fromEntries(webhookEventTypes.map((type) => [namesByType[type], type])) as Readonly<
  Record<EventTypeName, EventType>
>;

export const toEventTypes = (names: readonly EventTypeName[]): EventType[] => names.map((name) => typesByName[name]);
export const toEventTypeName = (type: EventType): EventTypeName => namesByType[type];

export const WebhookEventType = describedEnum<EventTypeName>(
  'WebhookEventType',
  'The type of a webhook event.',
  eventTypeNames,
  {
    MOTION_JOB_PROCESSING: '`motion_job.processing`: the upstream is processing the job.',
    MOTION_JOB_SUCCEEDED:
      '`motion_job.succeeded`: the job has a video. ' +
      'The event can follow a `motion_job.failed` that was not final, with a higher version.',
    MOTION_JOB_FAILED:
      '`motion_job.failed`: the job has failed; `failure.final` indicates whether it can still succeed later.',
    MOTION_JOB_CANCELED: '`motion_job.canceled`: the job was canceled.',
    WEBHOOK_TEST:
      '`webhook.test`: the event that `testWebhookEndpoint` sends. An endpoint receives it without subscribing to it.',
  },
);

export const WebhookEndpointStatus = describedEnum<EndpointStatus>(
  'WebhookEndpointStatus',
  'The status of a webhook endpoint, which determines whether it receives events.',
  endpointStatuses,
  {
    ACTIVE: 'The endpoint receives events.',
    DISABLED:
      'The endpoint receives nothing; `disabledReason` gives the reason. ' +
      'Its pending deliveries have been stopped and can be delivered again once the endpoint is enabled.',
  },
);

export const WebhookDisabledReason = describedEnum<DisabledReason>(
  'WebhookDisabledReason',
  'The reason why a webhook endpoint is disabled.',
  disabledReasons,
  {
    GONE: 'The endpoint responded with HTTP status 410.',
    FAILING: 'Nothing was delivered to the endpoint for five days, or for the time that the operator configured.',
    BY_OWNER: "The endpoint's owner disabled it.",
  },
);

export const WebhookDeliveryState = describedEnum<State>(
  'WebhookDeliveryState',
  'The state of a webhook delivery.',
  deliveryStates,
  {
    DUE: 'The next attempt of the delivery is due at `nextAttemptAt`.',
    DELIVERED: 'The receiver responded with a 2xx status.',
    FAILED: 'All attempts were used up, or the receiver responded with HTTP status 410.',
    STOPPED: 'The endpoint of the delivery was disabled or deleted.',
  },
);
