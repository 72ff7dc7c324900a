/**
 * What this core needs. `src/db/` fits the store to PostgreSQL, `src/egress/` the sending. `Tx` is the store's own open
 * transaction.
 */
import type {
  DeliveryState,
  DisabledReason,
  EndpointStatus,
  JobEventType,
  WebhookAttempt,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookEventType,
  WebhookFormat,
} from './webhook.ts';

interface NewEvent {
  readonly id: string;
  readonly accountId: string;
  /** The standard body, as it goes out. */
  readonly body: string;
}

/** What is told to all who want to know. */
interface NewJobEvent extends NewEvent {
  readonly jobId: string | null;
  readonly type: JobEventType;
  /** The job's own receiver, beside the account's endpoints; `body` is its own when it has another format. */
  readonly own: {
    readonly url: string;
    readonly host: string;
    readonly format: WebhookFormat;
    readonly body: string | null;
  } | null;
}

/** A secret and, for the overlap after a rotation, the one before. */
interface SealedSecrets {
  readonly sealed: string;
  readonly previous: string | null;
}

/** A delivery whose turn it is, leased to whoever claimed it. */
export interface DueDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly accountId: string;
  readonly endpointId: string | null;
  readonly url: string;
  readonly host: string;
  readonly body: string;
  /** Tries since it became due, or since somebody asked for it again. */
  readonly failures: number;
  readonly secrets: SealedSecrets | null;
  /** False when its endpoint was disabled or deleted in the moment in which it became due. */
  readonly isWanted: boolean;
  /** What the lease set the next try to; who records must still have it. */
  readonly leasedUntil: Date;
}

export interface Tried {
  readonly httpStatus: number | null;
  readonly failure: string | null;
  readonly latencyMs: number;
  /** When the next try is due, from now; null for none. */
  readonly nextInMs: number | null;
  readonly state: DeliveryState;
}

interface Page {
  readonly first: number;
  readonly after: { readonly createdAt: Date; readonly id: string } | null;
  readonly endpointId?: string;
  readonly jobId?: string;
}

export interface EndpointChange {
  readonly url?: string;
  readonly host?: string;
  readonly eventTypes?: readonly WebhookEventType[];
  readonly status?: EndpointStatus;
}

export interface WebhookStore<Tx> {
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Stores the event, with the delivery to the job's own receiver; nothing when neither that nor an active endpoint of
   * the account wants it. Costs the same for any number of endpoints. Resolves with whether it was stored.
   */
  tell(tx: Tx, event: NewJobEvent): Promise<boolean>;
  /**
   * Stores an event about no job with its delivery to one endpoint, whatever that wants; null when the account has no
   * such active endpoint.
   */
  tellEndpoint(
    tx: Tx,
    endpointId: string,
    event: NewEvent & { readonly type: WebhookEventType },
  ): Promise<string | null>;
  /**
   * Makes deliveries of stored events to the endpoints that are active and want them now, each once, up to these limits
   * and without waiting for locks. Resolves with how many deliveries it made, and how many events are done or have some
   * left.
   */
  fanOut(limits: {
    readonly events: number;
    readonly deliveries: number;
  }): Promise<{ readonly made: number; readonly done: number; readonly left: number }>;

  insertEndpoint(
    tx: Tx,
    endpoint: {
      readonly id: string;
      readonly accountId: string;
      readonly url: string;
      readonly host: string;
      readonly eventTypes: readonly WebhookEventType[];
    },
  ): Promise<WebhookEndpoint>;
  /** How many the account has, asked under a lock on the account that `tx` then holds. */
  countEndpoints(tx: Tx, accountId: string): Promise<number>;
  listEndpoints(accountId: string): Promise<readonly WebhookEndpoint[]>;
  findEndpoint(accountId: string, endpointId: string): Promise<WebhookEndpoint | null>;
  /** Enabled again it counts as new; disabled, its due deliveries stop. Null when there is no such endpoint. */
  changeEndpoint(
    tx: Tx,
    accountId: string,
    endpointId: string,
    change: EndpointChange,
  ): Promise<WebhookEndpoint | null>;
  deleteEndpoint(tx: Tx, accountId: string, endpointId: string): Promise<boolean>;

  /** Who has changed what; nothing in it is secret. */
  noteChange(
    tx: Tx,
    change: {
      readonly accountId: string;
      readonly actor: string;
      readonly action: string;
      readonly details: Readonly<Record<string, unknown>>;
    },
  ): Promise<void>;

  /** The secrets of an endpoint or, by `accountOwner`, of an account. */
  findSecrets(owner: string, accountId: string): Promise<SealedSecrets | null>;
  /** The first secret of the owner stays: resolves with the one that counts. */
  ensureSecret(owner: string, accountId: string, sealed: string): Promise<SealedSecrets>;
  /** The one until now goes on for `overlapMs`. */
  rotateSecret(tx: Tx, owner: string, accountId: string, sealed: string, overlapMs: number): Promise<void>;

  /**
   * Up to `limit` owners behind `after`, in their order, of whose secrets one does not begin with `mark`; also of those
   * that nothing is signed with any more.
   */
  findSealedOtherwise(
    mark: string,
    after: string | null,
    limit: number,
  ): Promise<readonly (SealedSecrets & { readonly owner: string })[]>;
  /** Unless they were changed meanwhile, or are the same; whether they were replaced. */
  replaceSeals(owner: string, before: SealedSecrets, by: SealedSecrets): Promise<boolean>;

  /**
   * Leases deliveries that are due: at most `perHost` of a host, one of those in `slowHosts` and none of those in
   * `busyHosts`, those first that have waited longest.
   */
  claim(limits: {
    readonly limit: number;
    readonly perHost: number;
    readonly leaseMs: number;
    readonly busyHosts: readonly string[];
    readonly slowHosts: readonly string[];
  }): Promise<readonly DueDelivery[]>;
  /**
   * Records a delivery that succeeded, in one statement, and that its endpoint is not failing; false when the lease was
   * lost or the receiver has moved meanwhile, and then nothing is recorded.
   */
  recordSuccess(due: DueDelivery, tried: Tried): Promise<boolean>;
  /**
   * Records a try that failed; null when the lease was lost or the receiver has moved meanwhile, and then nothing is:
   * what an address says that is used no more counts for nothing.
   */
  record(tx: Tx, due: DueDelivery, tried: Tried): Promise<{ readonly endpointId: string | null } | null>;
  /** Ends a delivery that nobody wants, if the lease still holds. */
  giveUp(due: DueDelivery): Promise<void>;
  /** Resolves with for how long nothing was delivered, in ms; null when there is no such endpoint any more. */
  noteFailure(tx: Tx, endpointId: string): Promise<number | null>;
  disable(tx: Tx, endpointId: string, reason: DisabledReason): Promise<void>;

  listDeliveries(accountId: string, page: Page): Promise<readonly WebhookDelivery[]>;
  /** Of the account's deliveries among these, by delivery, in order. */
  listAttempts(
    accountId: string,
    deliveryIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly WebhookAttempt[]>>;
  /**
   * Due at once, with all its tries anew. `disabled` when its endpoint is, or is gone; null when the account has no
   * such delivery.
   */
  redeliver(tx: Tx, accountId: string, deliveryId: string): Promise<WebhookDelivery | 'disabled' | null>;
  deleteEventsByAge(days: number, limit: number): Promise<number>;
}

export const accountOwner = (accountId: string): string => `account:${accountId}`;

/** What came of one POST; never rejects. */
export type Answer = { readonly ms: number } & (
  { readonly kind: 'answered'; readonly httpStatus: number } | { readonly kind: 'failed'; readonly reason: string }
);

export type Post = (
  url: string,
  request: { readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly signal: AbortSignal },
) => Promise<Answer>;

export type UrlCheck =
  | { readonly ok: true; readonly url: string }
  | {
      readonly ok: false;
      readonly code: 'INVALID_URL' | 'URL_HAS_CREDENTIALS' | 'PRIVATE_ADDRESS' | 'TOO_LONG';
      readonly message: string;
    };

export interface WebhookLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
