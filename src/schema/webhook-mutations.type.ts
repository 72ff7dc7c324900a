import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { Url } from './scalars.ts';
import { UserError } from './user-error.type.ts';
import { WebhookEventType, type EventTypeName } from './webhook.enum.ts';
import { WebhookDelivery, WebhookEndpoint } from './webhook.type.ts';

@InputType({ description: 'A new endpoint.' })
export class CreateWebhookEndpointInput {
  @Field(() => Url, {
    description:
      'Where to tell it, at most 2,048 characters. A public host, unless the operator allows others; redirects are not followed.',
  })
  url!: string;

  @Field(() => [WebhookEventType], {
    defaultValue: ['MOTION_JOB_SUCCEEDED', 'MOTION_JOB_FAILED', 'MOTION_JOB_CANCELED'],
    description: 'What to tell.',
  })
  eventTypes!: EventTypeName[];
}

@InputType({ description: 'What to change of an endpoint; the rest stays.' })
export class UpdateWebhookEndpointInput {
  @Field(() => ID, { description: "The endpoint's id." })
  id!: string;

  @Field(() => Url, { nullable: true, description: 'Where to tell it from now on, what waits among it.' })
  url?: string | null;

  @Field(() => [WebhookEventType], { nullable: true, description: 'What to tell from now on.' })
  eventTypes?: EventTypeName[] | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'True enables it, however it was disabled; false disables it and stops what waits.',
  })
  enabled?: boolean | null;
}

@InputType({ description: 'Which endpoint.' })
export class WebhookEndpointInput {
  @Field(() => ID, { description: "The endpoint's id." })
  id!: string;
}

@InputType({ description: 'Whose secret.' })
export class RotateWebhookSecretInput {
  @Field(() => ID, {
    nullable: true,
    description: "The endpoint's id; without it the secret of jobs' own `webhookUrl`.",
  })
  endpointId?: string | null;
}

@InputType({ description: 'Which delivery.' })
export class RedeliverWebhookInput {
  @Field(() => ID, { description: "The delivery's id." })
  deliveryId!: string;
}

@ObjectType({ description: 'What came of making or changing an endpoint.', simpleResolvers: true })
export class WebhookEndpointPayload {
  @Field(() => WebhookEndpoint, { nullable: true, description: 'The endpoint as it is now.' })
  endpoint!: WebhookEndpoint | null;

  @Field(() => String, {
    nullable: true,
    description: 'Of a new endpoint, what it verifies signatures with: `whsec_` and base64.',
  })
  secret!: string | null;

  @Field(() => [UserError], { description: 'All that is wrong with the input.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What came of deleting an endpoint.', simpleResolvers: true })
export class DeleteWebhookEndpointPayload {
  @Field(() => ID, { nullable: true, description: 'What was deleted. What was on its way to it has stopped.' })
  deletedId!: string | null;

  @Field(() => [UserError], { description: 'Why it was not deleted.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What came of asking for a test.', simpleResolvers: true })
export class TestWebhookEndpointPayload {
  @Field(() => ID, {
    nullable: true,
    description: 'The delivery, which is on its way: `webhookDeliveries` tells what became of it.',
  })
  deliveryId!: string | null;

  @Field(() => [UserError], { description: 'Why there is none.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'A new secret.', simpleResolvers: true })
export class RotateWebhookSecretPayload {
  @Field(() => String, { nullable: true, description: 'The new secret. For 24 hours the one before signs beside it.' })
  secret!: string | null;

  @Field(() => [UserError], { description: 'Why there is none.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What came of asking for a delivery again.', simpleResolvers: true })
export class RedeliverWebhookPayload {
  @Field(() => WebhookDelivery, {
    nullable: true,
    description: 'The delivery, which is due now, with all its tries anew.',
  })
  delivery!: WebhookDelivery | null;

  @Field(() => [UserError], { description: 'Why it is not.' })
  userErrors!: readonly UserError[];
}
