import { Field, ID, Int, ObjectType } from 'type-graphql';
import type {
  WebhookAttempt as Attempt,
  WebhookDelivery as Delivery,
  DeliveryState as State,
  DisabledReason,
  EndpointStatus,
  WebhookEndpoint as Endpoint,
} from '../webhooks/webhook.ts';
import { PageInfo } from './motion-job-connection.type.ts';
import { DateTime, Url } from './scalars.ts';
import {
  toEventTypeName,
  WebhookDeliveryState,
  WebhookDisabledReason,
  WebhookEndpointStatus,
  WebhookEventType,
  type EventTypeName,
} from './webhook.enum.ts';

@ObjectType({
  description: "A URL of the client that receives the events of the account's jobs as webhooks.",
  simpleResolvers: true,
})
export class WebhookEndpoint {
  @Field(() => ID, { description: "The endpoint's id." })
  id!: string;

  @Field(() => Url, { description: 'The URL to which webhooks are sent.' })
  url!: string;

  @Field(() => [WebhookEventType], { description: 'The types of events that the endpoint receives.' })
  eventTypes!: readonly EventTypeName[];

  @Field(() => WebhookEndpointStatus, { description: 'The status of the endpoint: whether it receives events.' })
  status!: EndpointStatus;

  @Field(() => WebhookDisabledReason, {
    nullable: true,
    description: 'The reason why the endpoint is disabled; null if it is not disabled.',
  })
  disabledReason!: DisabledReason | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The time when the endpoint was disabled; null if it is not disabled.',
  })
  disabledAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The time since which all deliveries to the endpoint have failed; null if the last one did not fail.',
  })
  failingSince!: Date | null;

  @Field(() => DateTime, { description: 'The time when the endpoint was created.' })
  createdAt!: Date;

  static of(endpoint: Endpoint): WebhookEndpoint {
    return Object.assign(new WebhookEndpoint(), endpoint, { eventTypes: endpoint.eventTypes.map(toEventTypeName) });
  }
}

@ObjectType({ description: 'One attempt of a webhook delivery.', simpleResolvers: true })
export class WebhookAttempt {
  @Field(() => Int, { description: 'The number of the attempt, counted from 1.' })
  number!: number;

  @Field(() => DateTime, { description: 'The time when the attempt ended.' })
  at!: Date;

  @Field(() => Int, {
    nullable: true,
    description: "The HTTP status of the receiver's response; null if there was no response.",
  })
  httpStatus!: number | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The reason why there was no response: `BLOCKED` (not a public address), `NOT_RESOLVED`, `NOT_CONNECTED`, ' +
      '`TLS`, `TIMED_OUT`, `RESET` and others. Null if there was a response.',
  })
  failure!: string | null;

  @Field(() => Int, { description: 'The duration of the attempt in milliseconds.' })
  latencyMs!: number;
}

@ObjectType({ description: 'The delivery of an event to one receiver.', simpleResolvers: true })
export class WebhookDelivery {
  @Field(() => ID, { description: "The delivery's id, to be passed to `redeliverWebhook`." })
  id!: string;

  @Field(() => ID, {
    description: "The event's id, sent as the header `webhook-id`; it is the same for every attempt.",
  })
  eventId!: string;

  @Field(() => WebhookEventType, { description: 'The type of the event.' })
  eventType!: EventTypeName;

  @Field(() => ID, { nullable: true, description: 'The id of the job that the event is about; null for a test.' })
  jobId!: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The id of the endpoint; null for a delivery to the `webhookUrl` of a job.',
  })
  endpointId!: string | null;

  @Field(() => Url, { description: 'The URL to which the event is delivered.' })
  url!: string;

  @Field(() => WebhookDeliveryState, { description: 'The state of the delivery.' })
  state!: State;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'The time of the next attempt; during an attempt, a time shortly in the future. Null if no attempt is planned.',
  })
  nextAttemptAt!: Date | null;

  @Field(() => [WebhookAttempt], { description: 'All attempts of the delivery, oldest first.' })
  attempts!: readonly WebhookAttempt[];

  @Field(() => DateTime, { description: 'The time when the delivery was created, normally right after the event.' })
  createdAt!: Date;

  static of(delivery: Delivery, attempts: readonly Attempt[]): WebhookDelivery {
    return Object.assign(new WebhookDelivery(), delivery, { eventType: toEventTypeName(delivery.eventType), attempts });
  }
}

@ObjectType({ description: 'A page of webhook deliveries, newest first.', simpleResolvers: true })
export class WebhookDeliveryConnection {
  @Field(() => [WebhookDelivery], { description: 'The deliveries on the page, newest first.' })
  nodes!: readonly WebhookDelivery[];

  @Field(() => PageInfo, { description: 'The position of the page in the list of deliveries.' })
  pageInfo!: PageInfo;
}
