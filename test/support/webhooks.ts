/** Webhook operations as a client sends them. */
import type { TestClient } from './client.ts';

export interface EndpointView {
  readonly id: string;
  readonly status: string;
  readonly disabledReason: string | null;
  readonly failingSince: string | null;
  readonly eventTypes: string[];
}

export interface DeliveryView {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly endpointId: string | null;
  readonly jobId: string | null;
  readonly state: string;
  readonly nextAttemptAt: string | null;
  readonly attempts: {
    readonly number: number;
    readonly httpStatus: number | null;
    readonly failure: string | null;
    readonly latencyMs: number;
  }[];
}

interface UserErrors {
  readonly userErrors: { readonly code: string; readonly field: string[] | null }[];
}

export const ALL_TYPES = ['MOTION_JOB_PROCESSING', 'MOTION_JOB_SUCCEEDED', 'MOTION_JOB_FAILED', 'MOTION_JOB_CANCELED'];

const ENDPOINT = 'id status disabledReason failingSince eventTypes';
const DELIVERY =
  'id eventId eventType endpointId jobId state nextAttemptAt attempts { number httpStatus failure latencyMs }';

const mutation = (name: string, input: string, fields: string): string =>
  `mutation ($input: ${input}!) { ${name}(input: $input) { ${fields} userErrors { code field } } }`;

export function webhooksOf({ request }: Pick<TestClient, 'request'>) {
  /** Runs an operation and returns its data; throws the errors of a refused one. */
  async function ask<T>(query: string, variables: object = {}): Promise<T> {
    const { status, data, errors } = await request<T | null | undefined>(query, variables as Record<string, unknown>);
    if (!data) throw new Error(`refused with ${status}: ${JSON.stringify(errors)}`);
    return data;
  }
  const mutate = async <T>(name: string, inputType: string, fields: string, input: object) =>
    (await ask<Record<string, T & UserErrors>>(mutation(name, inputType, fields), { input }))[name]!;
  return {
    create: (input: { url: string; eventTypes?: string[] }) =>
      mutate<{ endpoint: EndpointView | null; secret: string | null }>(
        'createWebhookEndpoint',
        'CreateWebhookEndpointInput',
        `endpoint { ${ENDPOINT} } secret`,
        input,
      ),
    update: (input: { id: string; url?: string; eventTypes?: string[]; enabled?: boolean }) =>
      mutate<{ endpoint: EndpointView | null }>(
        'updateWebhookEndpoint',
        'UpdateWebhookEndpointInput',
        `endpoint { ${ENDPOINT} }`,
        input,
      ),
    delete: (id: string) =>
      mutate<{ deletedId: string | null }>('deleteWebhookEndpoint', 'WebhookEndpointInput', 'deletedId', { id }),
    test: (id: string) =>
      mutate<{ deliveryId: string | null }>('testWebhookEndpoint', 'WebhookEndpointInput', 'deliveryId', { id }),
    rotate: (endpointId: string | null) =>
      mutate<{ secret: string | null }>('rotateWebhookSecret', 'RotateWebhookSecretInput', 'secret', { endpointId }),
    redeliver: (deliveryId: string) =>
      mutate<{ delivery: DeliveryView | null }>(
        'redeliverWebhook',
        'RedeliverWebhookInput',
        `delivery { ${DELIVERY} }`,
        { deliveryId },
      ),
    list: async () =>
      (await ask<{ webhookEndpoints: EndpointView[] }>(`{ webhookEndpoints { ${ENDPOINT} } }`)).webhookEndpoints,
    secret: async (endpointId: string | null = null) =>
      (
        await ask<{ webhookSecret: string | null }>('query ($id: ID) { webhookSecret(endpointId: $id) }', {
          id: endpointId,
        })
      ).webhookSecret,
    deliveries: async (page: { first?: number; after?: string; endpointId?: string; jobId?: string } = {}) =>
      (
        await ask<{
          webhookDeliveries: { nodes: DeliveryView[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
        }>(
          `query ($first: Int! = 20, $after: String, $endpointId: ID, $jobId: ID) { webhookDeliveries(first: $first, after: $after, endpointId: $endpointId, jobId: $jobId) { nodes { ${DELIVERY} } pageInfo { hasNextPage endCursor } } }`,
          page,
        )
      ).webhookDeliveries,
  };
}
