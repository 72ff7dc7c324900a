/** The queries and mutations for webhook endpoints, their secrets and their deliveries. */
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
import { encodeDeliveryCursor } from '../webhooks/deliveries.ts';
import type { Result, WebhookViolation } from '../webhooks/result.ts';
import type { Context } from './context.ts';

@Resolver()
export class WebhookResolver {
  @Query(() => [WebhookEndpoint], {
    nullable: true,
    description: "The account's webhook endpoints, newest first. Requires `account:admin`.",
  })
  async webhookEndpoints(@Ctx() { caller, webhooks }: Context): Promise<WebhookEndpoint[]> {
    return (await webhooks.list(permit(caller, 'account:admin'))).map((endpoint) => WebhookEndpoint.of(endpoint));
  }

  @Query(() => String, {
    nullable: true,
    description:
      'The secret with which webhooks are currently signed; null if there is no such endpoint. ' +
      'Requires `account:admin`.',
  })
  async webhookSecret(
    @Arg('endpointId', () => ID, {
      nullable: true,
      description: "The endpoint's id. If omitted, the secret for the `webhookUrl` of jobs is returned.",
    })
    endpointId: string | null | undefined,
    @Ctx() { caller, webhooks }: Context,
  ): Promise<string | null> {
    return webhooks.secretOf(permit(caller, 'account:admin'), endpointId ?? null);
  }

  @Query(() => WebhookDeliveryConnection, {
    nullable: true,
    description:
      "The account's webhook deliveries, newest first, with all of their attempts. " +
      'Requires `jobs:read` for all jobs: a client token that is limited to certain jobs is refused.',
  })
  async webhookDeliveries(
    @Arg('first', () => Int, { defaultValue: 20, description: 'The maximum number of deliveries to return, 1 to 100.' })
    first: number,
    @Arg('after', () => String, { nullable: true, description: 'The `endCursor` of the previous page.' })
    after: string | null | undefined,
    @Arg('endpointId', () => ID, { nullable: true, description: 'Selects deliveries to this endpoint.' })
    endpointId: string | null | undefined,
    @Arg('jobId', () => ID, { nullable: true, description: 'Selects deliveries of events of this job.' })
    jobId: string | null | undefined,
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
    description:
      "Creates a webhook endpoint: a URL that receives the events of the account's jobs, as defined by " +
      'Standard Webhooks 1.0. Requires `account:admin`.',
  })
  async createWebhookEndpoint(
    @Arg('input', () => CreateWebhookEndpointInput, { description: 'The endpoint to create.' })
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
    description: 'Changes a webhook endpoint. Requires `account:admin`.',
  })
  async updateWebhookEndpoint(
    @Arg('input', () => UpdateWebhookEndpointInput, { description: 'The changes to the endpoint.' })
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
    description: 'Deletes a webhook endpoint. Requires `account:admin`.',
  })
  async deleteWebhookEndpoint(
    @Arg('input', () => WebhookEndpointInput, { description: 'The endpoint to delete.' }) { id }: WebhookEndpointInput,
    @Ctx() { caller, webhooks }: Context,
  ): Promise<DeleteWebhookEndpointPayload> {
    const result = await webhooks.delete(permit(caller, 'account:admin'), id, actorOf(caller));
    return { deletedId: result.kind === 'done' ? result.deletedId : null, userErrors: errorsOf(result) };
  }

  @Mutation(() => TestWebhookEndpointPayload, {
    nullable: true,
    description: 'Sends a signed `webhook.test` event to an endpoint, like any other event. Requires `account:admin`.',
  })
  async testWebhookEndpoint(
    @Arg('input', () => WebhookEndpointInput, { description: 'The endpoint to test.' }) { id }: WebhookEndpointInput,
    @Ctx() { caller, accounts, webhooks }: Context,
  ): Promise<TestWebhookEndpointPayload> {
    const accountId = permit(caller, 'account:admin');
    await accounts.limits.takeWebhook(accountId);
    const result = await webhooks.test(accountId, id);
    return { deliveryId: result.kind === 'done' ? result.deliveryId : null, userErrors: errorsOf(result) };
  }

  @Mutation(() => RotateWebhookSecretPayload, {
    nullable: true,
    description:
      'Creates a new webhook secret. For 24 hours, webhooks are signed with the previous secret as well. ' +
      'Requires `account:admin`.',
  })
  async rotateWebhookSecret(
    @Arg('input', () => RotateWebhookSecretInput, { description: 'The owner of the secret.' })
    { endpointId }: RotateWebhookSecretInput,
    @Ctx() { caller, webhooks }: Context,
  ): Promise<RotateWebhookSecretPayload> {
    const result = await webhooks.rotateSecret(permit(caller, 'account:admin'), endpointId ?? null, actorOf(caller));
    return { secret: result.kind === 'done' ? result.secret : null, userErrors: errorsOf(result) };
  }

  @Mutation(() => RedeliverWebhookPayload, {
    nullable: true,
    description:
      'Delivers an event again, immediately, with the same `webhook-id` and the same body. Requires `jobs:write`.',
  })
  async redeliverWebhook(
    @Arg('input', () => RedeliverWebhookInput, { description: 'The delivery to repeat.' })
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
