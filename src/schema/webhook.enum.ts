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

/** GraphQL has no dots in names. */
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
  'What a webhook tells of.',
  eventTypeNames,
  {
    MOTION_JOB_PROCESSING: '`motion_job.processing`: the upstream works on the job.',
    MOTION_JOB_SUCCEEDED:
      '`motion_job.succeeded`: the job has a video. It may follow a `failed` that was not final, with a higher version.',
    MOTION_JOB_FAILED:
      '`motion_job.failed`: the job has failed; `failure.final` says whether a success may still come.',
    MOTION_JOB_CANCELED: '`motion_job.canceled`: the job was canceled.',
    WEBHOOK_TEST: '`webhook.test`: what `testWebhookEndpoint` sends. It need not be asked for.',
  },
);

export const WebhookEndpointStatus = describedEnum<EndpointStatus>(
  'WebhookEndpointStatus',
  'Whether an endpoint is told anything.',
  endpointStatuses,
  {
    ACTIVE: 'It is told.',
    DISABLED:
      'It is told nothing; `disabledReason` says why. What was on its way has stopped and can be delivered again once it is enabled.',
  },
);

export const WebhookDisabledReason = describedEnum<DisabledReason>(
  'WebhookDisabledReason',
  'Why an endpoint is disabled.',
  disabledReasons,
  {
    GONE: 'It answered 410.',
    FAILING: 'Nothing was delivered for five days, or as long as the operator chose.',
    BY_OWNER: 'Its owner wished it.',
  },
);

export const WebhookDeliveryState = describedEnum<State>(
  'WebhookDeliveryState',
  'How a delivery stands.',
  deliveryStates,
  {
    DUE: 'It is tried, or tried again, at `nextAttemptAt`.',
    DELIVERED: 'It was answered with 2xx.',
    FAILED: 'It was tried as often as it may be, or answered 410.',
    STOPPED: 'Its endpoint was disabled or deleted.',
  },
);
