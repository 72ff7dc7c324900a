/** Webhook endpoints, their secrets, and what became of deliveries. */
import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { actorOf, permit, permitAllJobs } from '../accounts/caller.ts';
import { InvalidInput } from '../schema/user-error.type.ts';
import { toEventTypes } from '../schema/webhook.enum.ts';
import {
  CreateWebhookEndpointInput,
  DeleteWebhookEndpointPayload,
  RedeliverWebhookInput,
  RedeliverWebhookPayload,
  RotateWebhookSecretInput,
  RotateWebhookSecretPayload,
  TestWebhookEndpointPayload,
  UpdateWebhookEndpointInput,
  WebhookEndpointInput,
  WebhookEndpointPayload,
} from '../schema/webhook-mutations.type.ts';
import { WebhookDelivery, WebhookDeliveryConnection, WebhookEndpoint } from '../schema/webhook.type.ts';
import { encodeDeliveryCursor, type Result, type WebhookViolation } from '../webhooks/endpoints.ts';
import type { Context } from './context.ts';

@Resolver()
export class WebhookResolver {
  @Query(() => [WebhookEndpoint], {
    nullable: true,
    description: "The account's endpoints, newest first. Needs `account:admin`.",
  })
  async webhookEndpoints(@Ctx() { caller, webhooks }: Context): Promise<WebhookEndpoint[]> {
    return (await webhooks.list(permit(caller, 'account:admin'))).map((endpoint) => WebhookEndpoint.of(endpoint));
  }

  @Query(() => String, {
    nullable: true,
    description: 'The secret that signs now. Null when there is no such endpoint. Needs `account:admin`.',
  })
  async webhookSecret(
    @Arg('endpointId', () => ID, {
      nullable: true,
      description: "The endpoint's id; without it the secret of jobs' own `webhookUrl`.",
    })
    endpointId: string | null | undefined,
    @Ctx() { caller, webhooks }: Context,
  ): Promise<string | null> {
    return webhooks.secretOf(permit(caller, 'account:admin'), endpointId ?? null);
  }

  @Query(() => WebhookDeliveryConnection, {
    nullable: true,
    description: 'What was told, newest first, with every try. Needs `jobs:read`, of all jobs.',
  })
  async webhookDeliveries(
    @Arg('first', () => Int, { defaultValue: 20, description: 'How many, 1 to 100.' }) first: number,
    @Arg('after', () => String, { nullable: true, description: 'The `endCursor` of the page before.' })
    after: string | null | undefined,
    @Arg('endpointId', () => ID, { nullable: true, description: 'Only to this endpoint.' })
    endpointId: string | null | undefined,
    @Arg('jobId', () => ID, { nullable: true, description: 'Only of this job.' }) jobId: string | null | undefined,
    @Ctx() { caller, webhooks }: Context,
  ): Promise<WebhookDeliveryConnection> {
    const { deliveries, hasNextPage } = await webhooks.deliveries(permitAllJobs(caller, 'jobs:read'), {
      first,
      after,
      endpointId,
      jobId,
    });
    const cursors = deliveries.map(encodeDeliveryCursor);
    return {
      nodes: deliveries.map(({ tries, ...delivery }) => WebhookDelivery.of(delivery, tries)),
      pageInfo: {
        hasNextPage,
        hasPreviousPage: false,
        startCursor: cursors[0] ?? null,
        endCursor: cursors.at(-1) ?? after ?? null,
      },
    };
  }

  @Mutation(() => WebhookEndpointPayload, {
    nullable: true,
    description: "Has a URL told what becomes of the account's jobs, by Standard Webhooks 1.0. Needs `account:admin`.",
  })
  async createWebhookEndpoint(
    @Arg('input', () => CreateWebhookEndpointInput, { description: 'The endpoint.' })
    { url, eventTypes }: CreateWebhookEndpointInput,
    @Ctx() { caller, webhooks }: Context,
  ): Promise<WebhookEndpointPayload> {
    const result = await webhooks.create(
      permit(caller, 'account:admin'),
      { url, eventTypes: toEventTypes(eventTypes) },
      actorOf(caller),
    );
    return {
      endpoint: result.kind === 'done' ? WebhookEndpoint.of(result.endpoint) : null,
      secret: result.kind === 'done' ? result.secret : null,
      userErrors: errorsOf(result),
    };
  }

  @Mutation(() => WebhookEndpointPayload, {
    nullable: true,
    description: 'Changes an endpoint. Needs `account:admin`.',
  })
  async updateWebhookEndpoint(
    @Arg('input', () => UpdateWebhookEndpointInput, { description: 'What to change.' })
    { id, url, eventTypes, enabled }: UpdateWebhookEndpointInput,
    @Ctx() { caller, webhooks }: Context,
  ): Promise<WebhookEndpointPayload> {
    const result = await webhooks.update(
      permit(caller, 'account:admin'),
      id,
      { url: url ?? null, eventTypes: eventTypes ? toEventTypes(eventTypes) : null, enabled: enabled ?? null },
      actorOf(caller),
    );
    return {
      endpoint: result.kind === 'done' ? WebhookEndpoint.of(result.endpoint) : null,
      secret: null,
      userErrors: errorsOf(result),
    };
  }

  @Mutation(() => DeleteWebhookEndpointPayload, {
    nullable: true,
    description: 'Deletes an endpoint. Needs `account:admin`.',
  })
  async deleteWebhookEndpoint(
    @Arg('input', () => WebhookEndpointInput, { description: 'Which endpoint.' }) { id }: WebhookEndpointInput,
    @Ctx() { caller, webhooks }: Context,
  ): Promise<DeleteWebhookEndpointPayload> {
    const result = await webhooks.delete(permit(caller, 'account:admin'), id, actorOf(caller));
    return { deletedId: result.kind === 'done' ? result.deletedId : null, userErrors: errorsOf(result) };
  }

  @Mutation(() => TestWebhookEndpointPayload, {
    nullable: true,
    description: 'Sends an endpoint a `webhook.test`, signed like every other. Needs `account:admin`.',
  })
  async testWebhookEndpoint(
    @Arg('input', () => WebhookEndpointInput, { description: 'Which endpoint.' }) { id }: WebhookEndpointInput,
    @Ctx() { caller, accounts, webhooks }: Context,
  ): Promise<TestWebhookEndpointPayload> {
    const accountId = permit(caller, 'account:admin');
    await accounts.limits.takeWebhook(accountId);
    const result = await webhooks.test(accountId, id);
    return { deliveryId: result.kind === 'done' ? result.deliveryId : null, userErrors: errorsOf(result) };
  }

  @Mutation(() => RotateWebhookSecretPayload, {
    nullable: true,
    description: 'Makes a new secret; the one until now signs beside it for 24 hours. Needs `account:admin`.',
  })
  async rotateWebhookSecret(
    @Arg('input', () => RotateWebhookSecretInput, { description: 'Whose secret.' })
    { endpointId }: RotateWebhookSecretInput,
    @Ctx() { caller, webhooks }: Context,
  ): Promise<RotateWebhookSecretPayload> {
    const result = await webhooks.rotateSecret(permit(caller, 'account:admin'), endpointId ?? null, actorOf(caller));
    return { secret: result.kind === 'done' ? result.secret : null, userErrors: errorsOf(result) };
  }

  @Mutation(() => RedeliverWebhookPayload, {
    nullable: true,
    description: 'Delivers again, at once, with the same `webhook-id` and the same body. Needs `jobs:write`.',
  })
  async redeliverWebhook(
    @Arg('input', () => RedeliverWebhookInput, { description: 'Which delivery.' })
    { deliveryId }: RedeliverWebhookInput,
    @Ctx() { caller, accounts, webhooks }: Context,
  ): Promise<RedeliverWebhookPayload> {
    const accountId = permitAllJobs(caller, 'jobs:write');
    await accounts.limits.takeWebhook(accountId);
    const result = await webhooks.redeliver(accountId, deliveryId);
    return {
      delivery: result.kind === 'done' ? WebhookDelivery.of(result.delivery, result.delivery.tries) : null,
      userErrors: errorsOf(result),
    };
  }
}

const errorsOf = (result: Result<object>): InvalidInput[] =>
  result.kind === 'done' ? [] : result.violations.map((violation: WebhookViolation) => InvalidInput.of(violation));
