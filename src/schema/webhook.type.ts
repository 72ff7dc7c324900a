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
  description: "A URL of the client's that is told what becomes of the account's jobs.",
  simpleResolvers: true,
})
export class WebhookEndpoint {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => Url, { description: 'Where it is.' })
  url!: string;

  @Field(() => [WebhookEventType], { description: 'What it is told of.' })
  eventTypes!: readonly EventTypeName[];

  @Field(() => WebhookEndpointStatus, { description: 'Whether it is told anything.' })
  status!: EndpointStatus;

  @Field(() => WebhookDisabledReason, { nullable: true, description: 'Why it is disabled.' })
  disabledReason!: DisabledReason | null;

  @Field(() => DateTime, { nullable: true, description: 'Since when it is disabled.' })
  disabledAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when every delivery has failed; null when the last one has not.',
  })
  failingSince!: Date | null;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  static of(endpoint: Endpoint): WebhookEndpoint {
    return Object.assign(new WebhookEndpoint(), endpoint, { eventTypes: endpoint.eventTypes.map(toEventTypeName) });
  }
}

@ObjectType({ description: 'One try of a delivery.', simpleResolvers: true })
export class WebhookAttempt {
  @Field(() => Int, { description: 'Counted from 1.' })
  number!: number;

  @Field(() => DateTime, { description: 'When it had come to its end.' })
  at!: Date;

  @Field(() => Int, { nullable: true, description: 'What the receiver answered; null when it did not.' })
  httpStatus!: number | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Why nothing was answered: `BLOCKED` (not a public address), `NOT_RESOLVED`, `NOT_CONNECTED`, `TLS`, `TIMED_OUT`, `RESET` and others.',
  })
  failure!: string | null;

  @Field(() => Int, { description: 'How long it took, in ms.' })
  latencyMs!: number;
}

@ObjectType({ description: 'An event on its way to one receiver.', simpleResolvers: true })
export class WebhookDelivery {
  @Field(() => ID, { description: 'Its id, for `redeliverWebhook`.' })
  id!: string;

  @Field(() => ID, { description: 'The header `webhook-id`, the same on every try.' })
  eventId!: string;

  @Field(() => WebhookEventType, { description: 'What it tells of.' })
  eventType!: EventTypeName;

  @Field(() => ID, { nullable: true, description: 'The job; null for a test.' })
  jobId!: string | null;

  @Field(() => ID, { nullable: true, description: "The endpoint; null for a job's own `webhookUrl`." })
  endpointId!: string | null;

  @Field(() => Url, { description: 'Where it goes.' })
  url!: string;

  @Field(() => WebhookDeliveryState, { description: 'How it stands.' })
  state!: State;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it is tried next; soon after now while it is tried. Null when it is not.',
  })
  nextAttemptAt!: Date | null;

  @Field(() => [WebhookAttempt], { description: 'All its tries, oldest first.' })
  attempts!: readonly WebhookAttempt[];

  @Field(() => DateTime, { description: 'When the event happened.' })
  createdAt!: Date;

  static of(delivery: Delivery, attempts: readonly Attempt[]): WebhookDelivery {
    return Object.assign(new WebhookDelivery(), delivery, { eventType: toEventTypeName(delivery.eventType), attempts });
  }
}

@ObjectType({ description: 'A page of deliveries.', simpleResolvers: true })
export class WebhookDeliveryConnection {
  @Field(() => [WebhookDelivery], { description: 'Newest first.' })
  nodes!: readonly WebhookDelivery[];

  @Field(() => PageInfo, { description: 'Where the page is.' })
  pageInfo!: PageInfo;
}
