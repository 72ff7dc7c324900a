/** The third core: telling clients' own URLs what became of their jobs. */
import { v7 as uuidv7 } from 'uuid';
import { createDeliverer, type Deliverer } from './deliver.ts';
import { createEndpoints, hostOf, type Endpoints } from './endpoints.ts';
import { encodePayload } from './payload.ts';
import type { Post, UrlCheck, WebhookLog, WebhookStore } from './ports.ts';
import { resealAll } from './reseal-secrets.ts';
import { createSealer } from './seal-secrets.ts';
import type { JobEventType, WebhookFormat } from './webhook.ts';

export interface WebhooksDeps<Tx> {
  readonly store: WebhookStore<Tx>;
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
  /** How long events and the log of their deliveries are kept. */
  readonly keepDays: number;
  /** Runs when something has become due, or can be begun. */
  readonly nudge: () => void;
}

/** What became of a job, as far as webhooks care. */
interface JobNews {
  readonly accountId: string;
  readonly jobId: string;
  readonly type: JobEventType;
  readonly at: Date;
  /** The job as the API shows it. */
  readonly view: Readonly<Record<string, unknown>>;
  /** The job's own receiver, and its body where that is not the standard one. */
  readonly own: { readonly url: string; readonly format: WebhookFormat; readonly body: string | null } | null;
}

/** What is offered to clients. */
export type Webhooks = Endpoints;

export interface WebhooksCore<Tx> extends Webhooks {
  /**
   * Stores the event in the transaction that changed the job; never the network. Resolves with whether anybody wants
   * it, and the delivery loop has something to do after the commit.
   */
  tell(tx: Tx, news: JobNews): Promise<boolean>;
  readonly deliverer: Deliverer;
  /** Seals all secrets anew that another application secret than the first has sealed. */
  reseal(): Promise<void>;
}

export function createWebhooks<Tx>({
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
}: WebhooksDeps<Tx>): WebhooksCore<Tx> {
  const sealer = createSealer(appSecrets);
  return {
    ...createEndpoints({ store, sealer, checkUrl, maxEndpoints, nudge }),
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
