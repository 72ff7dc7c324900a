/** The third core: notifies clients' own URLs of changes to their jobs. */
import { v7 as uuidv7 } from 'uuid';
import { createDeliverer, type Deliverer } from './deliver.ts';
import { createDeliveries, type Deliveries } from './deliveries.ts';
import { createEndpoints, hostOf, type Endpoints } from './endpoints.ts';
import { encodePayload } from './payload.ts';
import type { Post, UrlCheck, WebhookLog, WebhookStore } from './ports.ts';
import { resealAll } from './reseal-secrets.ts';
import { createSealer } from './seal-secrets.ts';
import type { JobEventType, WebhookFormat } from './webhook.ts';
import type { Transaction } from '../transaction.ts';

export interface WebhooksDeps {
  readonly store: WebhookStore;
  readonly post: Post;
  readonly checkUrl: (text: string) => UrlCheck;
  readonly appSecrets: readonly string[];
  readonly log: WebhookLog;
  readonly stepsMs: readonly number[];
  readonly disableAfterMs: number;
  readonly leaseMs: number;
  readonly atOnce: number;
  readonly perHost: number;
  readonly maxEndpoints: number;
  /** Retention period of events and the log of their deliveries. */
  readonly keepDays: number;
  /** Called when a delivery has become due or can be started. */
  readonly nudge: () => void;
}

/** A change of a job, as far as it matters to webhooks. */
interface JobNews {
  readonly accountId: string;
  readonly jobId: string;
  readonly type: JobEventType;
  readonly at: Date;
  /** The job as the API shows it. */
  readonly view: Readonly<Record<string, unknown>>;
  /** The job's own receiver, and its body if it is not the standard one. */
  readonly own: { readonly url: string; readonly format: WebhookFormat; readonly body: string | null } | null;
}

/** The operations available to clients. */
export type Webhooks = Endpoints & Deliveries;

export interface WebhooksCore extends Endpoints, Deliveries {
  /**
   * Stores the event in the transaction that changed the job, without using the network. Resolves with true if a
   * receiver wants the event, so that the delivery loop has work to do after the commit.
   */
  tell(tx: Transaction, news: JobNews): Promise<boolean>;
  readonly deliverer: Deliverer;
  /** Reseals, with the first application secret, all secrets that were sealed with another one. */
  reseal(): Promise<void>;
}

export function createWebhooks({
  store,
  post,
  checkUrl,
  appSecrets,
  log,
  stepsMs,
  disableAfterMs,
  leaseMs,
  atOnce,
  perHost,
  maxEndpoints,
  keepDays,
  nudge,
}: WebhooksDeps): WebhooksCore {
  const sealer = createSealer(appSecrets);
  return {
    ...createEndpoints({ store, sealer, checkUrl, maxEndpoints, nudge }),
    ...createDeliveries(store, nudge),
    deliverer: createDeliverer({
      store,
      post,
      sealer,
      log,
      stepsMs,
      disableAfterMs,
      leaseMs,
      atOnce,
      perHost,
      keepDays,
      nudge,
    }),
    reseal: () => resealAll(store, sealer, log),
    tell: (tx, { accountId, jobId, type, at, view, own }) =>
      store.tell(tx, {
        id: uuidv7(),
        accountId,
        jobId,
        type,
        body: encodePayload(type, at, view),
        own: own && { ...own, host: hostOf(own.url) },
      }),
  };
}
