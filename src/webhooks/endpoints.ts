/** Manages webhook endpoints on behalf of the accounts that own them. */
import { v7 as uuidv7 } from 'uuid';
import { encodePayload } from './payload.ts';
import { accountOwner, type EndpointChange, type UrlCheck, type WebhookStore } from './ports.ts';
import type { Sealer } from './seal-secrets.ts';
import { makeSecret } from './sign.ts';
import { invalid, isUuid, unknownEndpoint, violate, type Result, type WebhookViolation } from './result.ts';
import type { WebhookEndpoint, WebhookEventType } from './webhook.ts';

/** Operations on the webhook endpoints of an account. The account log records `actor` as the author of a change. */
export interface Endpoints {
  create(
    accountId: string,
    input: { readonly url: string; readonly eventTypes: readonly WebhookEventType[] },
    actor: string,
  ): Promise<Result<{ readonly endpoint: WebhookEndpoint; readonly secret: string }>>;
  update(
    accountId: string,
    endpointId: string,
    change: {
      readonly url?: string | null;
      readonly eventTypes?: readonly WebhookEventType[] | null;
      readonly enabled?: boolean | null;
    },
    actor: string,
  ): Promise<Result<{ readonly endpoint: WebhookEndpoint }>>;
  delete(accountId: string, endpointId: string, actor: string): Promise<Result<{ readonly deletedId: string }>>;
  list(accountId: string): Promise<readonly WebhookEndpoint[]>;
  /** Sends a test event. */
  test(accountId: string, endpointId: string): Promise<Result<{ readonly deliveryId: string }>>;
  /**
   * Returns the secret that currently signs for an endpoint or, if `endpointId` is null, for the jobs' own URLs.
   * Resolves with null if there is no such endpoint.
   */
  secretOf(accountId: string, endpointId: string | null): Promise<string | null>;
  /** Creates a new secret. The previous one continues to sign beside it for a day. */
  rotateSecret(
    accountId: string,
    endpointId: string | null,
    actor: string,
  ): Promise<Result<{ readonly secret: string }>>;
}

interface EndpointDeps {
  readonly store: WebhookStore;
  readonly sealer: Sealer;
  readonly checkUrl: (text: string) => UrlCheck;
  readonly maxEndpoints: number;
  readonly nudge: () => void;
}

const SECRET_OVERLAP_MS = 24 * 3_600_000;

export function createEndpoints({ store, sealer, checkUrl, maxEndpoints, nudge }: EndpointDeps): Endpoints {
  function check(
    url: string | null | undefined,
    eventTypes: readonly WebhookEventType[] | null | undefined,
  ): { readonly violations: WebhookViolation[]; readonly checkedUrl: string | null } {
    const violations: WebhookViolation[] = [];
    const checked = url == null ? null : checkUrl(url);
    if (checked && !checked.ok) violations.push(violate(checked.code, 'url', checked.message));
    if (eventTypes && eventTypes.length === 0)
      violations.push(violate('INVALID_FORMAT', 'eventTypes', 'Specify at least one event type.'));
    if (eventTypes && new Set(eventTypes).size < eventTypes.length)
      violations.push(violate('DUPLICATE', 'eventTypes', 'An event type occurs more than once.'));
    return { violations, checkedUrl: checked?.ok ? checked.url : null };
  }

  return {
    async create(accountId, { url, eventTypes }, actor) {
      const { violations, checkedUrl } = check(url, eventTypes);
      if (checkedUrl === null || violations.length > 0) return invalid(...violations);
      const [id, secret] = [uuidv7(), makeSecret()];
      return store.transaction(async (tx) => {
        if ((await store.countEndpoints(tx, accountId)) >= maxEndpoints)
          return invalid(
            violate('TOO_MANY', 'url', `An account can have at most ${maxEndpoints} endpoints: delete one first.`),
          );
        const endpoint = await store.insertEndpoint(tx, {
          id,
          accountId,
          url: checkedUrl,
          host: hostOf(checkedUrl),
          eventTypes,
        });
        await store.rotateSecret(tx, id, accountId, sealer.seal(secret, id), 0);
        await store.noteChange(tx, {
          accountId,
          actor,
          action: 'made a webhook endpoint',
          details: { endpointId: id, host: hostOf(checkedUrl), eventTypes },
        });
        return { kind: 'done', endpoint, secret } as const;
      });
    },

    async update(accountId, endpointId, { url, eventTypes, enabled }, actor) {
      const { violations, checkedUrl } = check(url, eventTypes);
      if (violations.length > 0) return invalid(...violations);
      if (!isUuid(endpointId)) return unknownEndpoint('id');
      const change: EndpointChange = {
        ...(checkedUrl !== null && { url: checkedUrl, host: hostOf(checkedUrl) }),
        ...(eventTypes && { eventTypes }),
        ...(enabled != null && { status: enabled ? 'ACTIVE' : 'DISABLED' }),
      };
      const endpoint = await store.transaction(async (tx) => {
        const changed = await store.changeEndpoint(tx, accountId, endpointId, change);
        // Logs the host instead of the URL, which may itself be a secret.
        if (changed)
          await store.noteChange(tx, {
            accountId,
            actor,
            action: 'changed a webhook endpoint',
            details: {
              endpointId: changed.id,
              host: change.host,
              eventTypes: change.eventTypes,
              status: change.status,
            },
          });
        return changed;
      });
      return endpoint ? { kind: 'done', endpoint } : unknownEndpoint('id');
    },

    async delete(accountId, endpointId, actor) {
      if (!isUuid(endpointId)) return unknownEndpoint('id');
      const gone = await store.transaction(async (tx) => {
        const deleted = await store.deleteEndpoint(tx, accountId, endpointId);
        if (deleted)
          await store.noteChange(tx, {
            accountId,
            actor,
            action: 'deleted a webhook endpoint',
            details: { endpointId: endpointId.toLowerCase() },
          });
        return deleted;
      });
      return gone ? { kind: 'done', deletedId: endpointId.toLowerCase() } : unknownEndpoint('id');
    },

    list: store.listEndpoints,

    async test(accountId, endpointId) {
      if (!isUuid(endpointId)) return unknownEndpoint('id');
      const event = { id: uuidv7(), accountId, type: 'webhook.test' } as const;
      const body = encodePayload('webhook.test', new Date(), { id: event.id, message: 'This is a test.' });
      const deliveryId = await store.transaction((tx) => store.tellEndpoint(tx, endpointId, { ...event, body }));
      if (deliveryId === null) return unknownEndpoint('id');
      nudge();
      return { kind: 'done', deliveryId };
    },

    async secretOf(accountId, endpointId) {
      if (endpointId !== null && !(isUuid(endpointId) && (await store.findEndpoint(accountId, endpointId))))
        return null;
      const owner = endpointId?.toLowerCase() ?? accountOwner(accountId);
      return sealer.open((await store.ensureSecret(owner, accountId, sealer.seal(makeSecret(), owner))).sealed, owner);
    },

    async rotateSecret(accountId, endpointId, actor) {
      if (endpointId !== null && !(isUuid(endpointId) && (await store.findEndpoint(accountId, endpointId))))
        return unknownEndpoint('endpointId');
      const owner = endpointId?.toLowerCase() ?? accountOwner(accountId);
      const secret = makeSecret();
      await store.transaction(async (tx) => {
        await store.rotateSecret(tx, owner, accountId, sealer.seal(secret, owner), SECRET_OVERLAP_MS);
        await store.noteChange(tx, {
          accountId,
          actor,
          action: 'rotated a webhook secret',
          details: { endpointId: endpointId?.toLowerCase() ?? null },
        });
      });
      return { kind: 'done', secret };
    },
  };
}

/** Returns the host, with its port, by which connections are counted. */
export const hostOf = (url: string): string => new URL(url).host.replace(/\.(?=:|$)/, '');
