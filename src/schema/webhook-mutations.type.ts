import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { Url } from './scalars.ts';
import { UserError } from './user-error.type.ts';
import { WebhookEventType, type EventTypeName } from './webhook.enum.ts';
import { WebhookDelivery, WebhookEndpoint } from './webhook.type.ts';

@InputType({ description: 'The webhook endpoint to create.' })
export class CreateWebhookEndpointInput {
  @Field(() => Url, {
    description:
      'The URL to which webhooks are sent, at most 2,048 characters. ' +
      'The host must be public, unless the operator allows others; redirects are not followed.',
  })
  url!: string;

  @Field(() => [WebhookEventType], {
    defaultValue: ['MOTION_JOB_SUCCEEDED', 'MOTION_JOB_FAILED', 'MOTION_JOB_CANCELED'],
    description: 'The types of events that the endpoint receives.',
  })
  eventTypes!: EventTypeName[];
}

@InputType({ description: 'The changes to a webhook endpoint. Fields that are omitted remain unchanged.' })
export class UpdateWebhookEndpointInput {
  @Field(() => ID, { description: "The endpoint's id." })
  id!: string;

  @Field(() => Url, {
    nullable: true,
    description: 'The URL to which webhooks are sent from now on, including those that are waiting.',
  })
  url?: string | null;

  @Field(() => [WebhookEventType], {
    nullable: true,
    description: 'The types of events that the endpoint receives from now on.',
  })
  eventTypes?: EventTypeName[] | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'True enables the endpoint, for whatever reason it was disabled; ' +
      'false disables it and stops the deliveries that are waiting.',
  })
  enabled?: boolean | null;
}

@InputType({ description: 'The webhook endpoint to delete or to test.' })
export class WebhookEndpointInput {
  @Field(() => ID, { description: "The endpoint's id." })
  id!: string;
}

@InputType({ description: 'The owner of the webhook secret to rotate: an endpoint or the account.' })
export class RotateWebhookSecretInput {
  @Field(() => ID, {
    nullable: true,
    description:
      "The endpoint's id. If omitted, the secret that signs the webhooks to the `webhookUrl` of jobs is rotated.",
  })
  endpointId?: string | null;
}

@InputType({ description: 'The webhook delivery to repeat.' })
export class RedeliverWebhookInput {
  @Field(() => ID, { description: "The delivery's id." })
  deliveryId!: string;
}

@ObjectType({ description: 'The result of creating or changing a webhook endpoint.', simpleResolvers: true })
export class WebhookEndpointPayload {
  @Field(() => WebhookEndpoint, {
    nullable: true,
    description: 'The endpoint in its current state; null if `userErrors` has entries.',
  })
  endpoint!: WebhookEndpoint | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The secret with which a new endpoint verifies signatures: `whsec_` followed by base64. ' +
      'Null unless an endpoint was created.',
  })
  secret!: string | null;

  @Field(() => [UserError], { description: 'All violations in the input; empty if the request succeeded.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'The result of deleting a webhook endpoint.', simpleResolvers: true })
export class DeleteWebhookEndpointPayload {
  @Field(() => ID, {
    nullable: true,
    description:
      'The id of the deleted endpoint, whose pending deliveries have been stopped; null if `userErrors` has entries.',
  })
  deletedId!: string | null;

  @Field(() => [UserError], { description: 'The reasons why the endpoint was not deleted; empty if it was deleted.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'The result of requesting a test delivery to a webhook endpoint.', simpleResolvers: true })
export class TestWebhookEndpointPayload {
  @Field(() => ID, {
    nullable: true,
    description:
      'The id of the test delivery, which is now under way: `webhookDeliveries` shows its outcome. ' +
      'Null if `userErrors` has entries.',
  })
  deliveryId!: string | null;

  @Field(() => [UserError], { description: 'The reasons why there is no test delivery; empty if there is one.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'The result of rotating a webhook secret.', simpleResolvers: true })
export class RotateWebhookSecretPayload {
  @Field(() => String, {
    nullable: true,
    description: 'The new secret. For 24 hours, webhooks are signed with the previous secret as well.',
  })
  secret!: string | null;

  @Field(() => [UserError], { description: 'The reasons why the secret was not rotated; empty if it was rotated.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'The result of requesting a webhook delivery again.', simpleResolvers: true })
export class RedeliverWebhookPayload {
  @Field(() => WebhookDelivery, {
    nullable: true,
    description: 'The delivery, which is due immediately and has its full number of attempts again.',
  })
  delivery!: WebhookDelivery | null;

  @Field(() => [UserError], { description: 'The reasons why the delivery is not repeated; empty if it is repeated.' })
  userErrors!: readonly UserError[];
}
