/** Lists the deliveries of an account's webhooks, and makes one due again. */
import { InvalidArgumentError } from '../errors.ts';
import { isStorableTime } from '../time/storable-time.ts';
import type { WebhookStore } from './ports.ts';
import { invalid, isUuid, violate, type Result } from './result.ts';
import type { WebhookAttempt, WebhookDelivery } from './webhook.ts';

/** A delivery with all its attempts so far. */
type TriedDelivery = WebhookDelivery & { readonly tries: readonly WebhookAttempt[] };

interface DeliveryPage {
  readonly deliveries: readonly TriedDelivery[];
  readonly hasNextPage: boolean;
}

export interface Deliveries {
  deliveries(
    accountId: string,
    page: {
      readonly first: number;
      readonly after?: string | null;
      readonly endpointId?: string | null;
      readonly jobId?: string | null;
    },
  ): Promise<DeliveryPage>;
  redeliver(accountId: string, deliveryId: string): Promise<Result<{ readonly delivery: TriedDelivery }>>;
}

const MAX_PAGE = 100;

export function createDeliveries(store: WebhookStore, nudge: () => void): Deliveries {
  return {
    async deliveries(accountId, { first, after, endpointId, jobId }) {
      if (!(first >= 1 && first <= MAX_PAGE))
        throw new InvalidArgumentError(`"first" must be between 1 and ${MAX_PAGE}.`);
      for (const id of [endpointId, jobId])
        if (id != null && !isUuid(id)) return { deliveries: [], hasNextPage: false };
      const found = await store.listDeliveries(accountId, {
        first: first + 1,
        after: after ? decodeCursor(after) : null,
        ...(endpointId && { endpointId }),
        ...(jobId && { jobId }),
      });
      const page = found.slice(0, first);
      const tries = await store.listAttempts(
        accountId,
        page.map(({ id }) => id),
      );
      return {
        deliveries: page.map((delivery) => ({ ...delivery, tries: tries.get(delivery.id) ?? [] })),
        hasNextPage: found.length > first,
      };
    },

    async redeliver(accountId, deliveryId) {
      const delivery = isUuid(deliveryId)
        ? await store.transaction((tx) => store.redeliver(tx, accountId, deliveryId))
        : null;
      if (delivery === null) return invalid(violate('NOT_FOUND', 'deliveryId', 'There is no such delivery.'));
      if (delivery === 'disabled')
        return invalid(
          violate('ENDPOINT_DISABLED', 'deliveryId', 'The endpoint of the delivery is disabled or was deleted.'),
        );
      nudge();
      return {
        kind: 'done',
        delivery: { ...delivery, tries: (await store.listAttempts(accountId, [delivery.id])).get(delivery.id) ?? [] },
      };
    },
  };
}

export const encodeDeliveryCursor = ({ createdAt, id }: Pick<WebhookDelivery, 'createdAt' | 'id'>): string =>
  Buffer.from(`delivery ${createdAt.getTime()} ${id}`).toString('base64url');

function decodeCursor(cursor: string): { readonly createdAt: Date; readonly id: string } {
  const [, time, id] = /^delivery (\d{1,15}) ([0-9a-f-]{36})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  const decoded = id !== undefined && isUuid(id) ? { createdAt: new Date(Number(time)), id } : null;
  // Accepts the canonical spelling only: base64 decodes several spellings to the same bytes.
  const isOurs = decoded && isStorableTime(decoded.createdAt) && encodeDeliveryCursor(decoded) === cursor;
  if (!isOurs) throw new InvalidArgumentError('"after" is not a cursor of this list.');
  return decoded;
}
