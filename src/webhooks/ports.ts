/**
 * The interfaces that this core requires. `src/db/` implements the store with PostgreSQL, and `src/egress/` implements
 * sending.
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
import type { Transaction } from '../transaction.ts';

interface NewEvent {
  readonly id: string;
  readonly accountId: string;
  /** The standard body, exactly as it is sent. */
  readonly body: string;
}

/** An event about a job, for every receiver that wants it. */
interface NewJobEvent extends NewEvent {
  readonly jobId: string | null;
  readonly type: JobEventType;
  /** The job's own receiver, in addition to the account's endpoints; `body` is set if it has another format. */
  readonly own: {
    readonly url: string;
    readonly host: string;
    readonly format: WebhookFormat;
    readonly body: string | null;
  } | null;
}

/** A secret and, during the overlap after a rotation, the previous one. */
interface SealedSecrets {
  readonly sealed: string;
  readonly previous: string | null;
}

/** A delivery that is due, leased to the instance that claimed it. */
export interface DueDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly accountId: string;
  readonly endpointId: string | null;
  readonly url: string;
  readonly host: string;
  readonly body: string;
  /** Failed attempts since the delivery was created or last redelivered. */
  readonly failures: number;
  readonly secrets: SealedSecrets | null;
  /** False if its endpoint was disabled or deleted just as the delivery became due. */
  readonly isWanted: boolean;
  /** End of the lease, stored as the time of the next attempt. A result is recorded only while this is unchanged. */
  readonly leasedUntil: Date;
}

export interface Tried {
  readonly httpStatus: number | null;
  readonly failure: string | null;
  readonly latencyMs: number;
  /** Time from now until the next attempt is due; null if there is none. */
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

export interface WebhookStore {
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /**
   * Stores the event, with the delivery to the job's own receiver. Stores nothing if the job has no receiver of its own
   * and no active endpoint of the account wants the event. The cost does not depend on the number of endpoints.
   * Resolves with true if the event was stored.
   */
  tell(tx: Transaction, event: NewJobEvent): Promise<boolean>;
  /**
   * Stores an event that is not about a job, with its delivery to one endpoint, regardless of the event types that the
   * endpoint wants. Resolves with the id of the delivery; null if the account has no such active endpoint.
   */
  tellEndpoint(
    tx: Transaction,
    endpointId: string,
    event: NewEvent & { readonly type: WebhookEventType },
  ): Promise<string | null>;
  /**
   * Creates the deliveries of stored events to the endpoints that are active and want them now, one for each event and
   * endpoint. Stays within these limits and does not wait for locks. Resolves with the number of deliveries created, of
   * events that are done, and of events that have deliveries left.
   */
  fanOut(limits: {
    readonly events: number;
    readonly deliveries: number;
  }): Promise<{ readonly made: number; readonly done: number; readonly left: number }>;

  insertEndpoint(
    tx: Transaction,
    endpoint: {
      readonly id: string;
      readonly accountId: string;
      readonly url: string;
      readonly host: string;
      readonly eventTypes: readonly WebhookEventType[];
    },
  ): Promise<WebhookEndpoint>;
  /** Locks the account until `tx` ends and returns the number of its endpoints. */
  countEndpoints(tx: Transaction, accountId: string): Promise<number>;
  listEndpoints(accountId: string): Promise<readonly WebhookEndpoint[]>;
  findEndpoint(accountId: string, endpointId: string): Promise<WebhookEndpoint | null>;
  /**
   * Changes an endpoint. Enabling it resets its failure state; disabling it stops its due deliveries. Resolves with
   * null if there is no such endpoint.
   */
  changeEndpoint(
    tx: Transaction,
    accountId: string,
    endpointId: string,
    change: EndpointChange,
  ): Promise<WebhookEndpoint | null>;
  deleteEndpoint(tx: Transaction, accountId: string, endpointId: string): Promise<boolean>;

  /** Records a change and its author in the account log. The entry contains no secrets. */
  noteChange(
    tx: Transaction,
    change: {
      readonly accountId: string;
      readonly actor: string;
      readonly action: string;
      readonly details: Readonly<Record<string, unknown>>;
    },
  ): Promise<void>;

  /** Returns the secrets of an endpoint or, for an owner from `accountOwner`, of an account. */
  findSecrets(owner: string, accountId: string): Promise<SealedSecrets | null>;
  /** Stores `sealed` unless the owner already has a secret. Resolves with the secrets that are in effect. */
  ensureSecret(owner: string, accountId: string, sealed: string): Promise<SealedSecrets>;
  /** Replaces the secret of the owner; the previous one remains in use for `overlapMs`. */
  rotateSecret(tx: Transaction, owner: string, accountId: string, sealed: string, overlapMs: number): Promise<void>;

  /**
   * Returns up to `limit` owners after `after`, in order, that have a secret that does not begin with `mark`. Previous
   * secrets that no longer sign are included.
   */
  findSealedOtherwise(
    mark: string,
    after: string | null,
    limit: number,
  ): Promise<readonly (SealedSecrets & { readonly owner: string })[]>;
  /**
   * Replaces the sealed secrets unless they have changed meanwhile or are the same. Resolves with true if they were
   * replaced.
   */
  replaceSeals(owner: string, before: SealedSecrets, by: SealedSecrets): Promise<boolean>;

  /**
   * Leases deliveries that are due, from the longest-waiting hosts first. Leases at most `perHost` deliveries for a
   * host, at most one for a host in `slowHosts`, and none for a host in `busyHosts`.
   */
  claim(limits: {
    readonly limit: number;
    readonly perHost: number;
    readonly leaseMs: number;
    readonly busyHosts: readonly string[];
    readonly slowHosts: readonly string[];
  }): Promise<readonly DueDelivery[]>;
  /**
   * Records a successful delivery, and that its endpoint is not failing, in one statement. Resolves with false and
   * records nothing if the lease was lost or the receiver's URL has changed meanwhile.
   */
  recordSuccess(due: DueDelivery, tried: Tried): Promise<boolean>;
  /**
   * Records a failed attempt. Resolves with null and records nothing if the lease was lost or the receiver's URL has
   * changed meanwhile: the answer of a URL that is no longer in use does not count.
   */
  record(tx: Transaction, due: DueDelivery, tried: Tried): Promise<{ readonly endpointId: string | null } | null>;
  /** Ends a delivery that is no longer wanted, if the lease is still held. */
  giveUp(due: DueDelivery): Promise<void>;
  /**
   * Marks the endpoint as failing. Resolves with the time since the first of its consecutive failures, in ms; null if
   * the endpoint no longer exists.
   */
  noteFailure(tx: Transaction, endpointId: string): Promise<number | null>;
  disable(tx: Transaction, endpointId: string, reason: DisabledReason): Promise<void>;

  listDeliveries(accountId: string, page: Page): Promise<readonly WebhookDelivery[]>;
  /** Returns the attempts of these deliveries, by delivery and in order. Deliveries of other accounts are ignored. */
  listAttempts(
    accountId: string,
    deliveryIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly WebhookAttempt[]>>;
  /**
   * Makes the delivery due at once, with all attempts of the schedule available again. Resolves with `disabled` if its
   * endpoint is disabled or deleted, and with null if the account has no such delivery.
   */
  redeliver(tx: Transaction, accountId: string, deliveryId: string): Promise<WebhookDelivery | 'disabled' | null>;
  deleteEventsByAge(days: number, limit: number): Promise<number>;
}

export const accountOwner = (accountId: string): string => `account:${accountId}`;

/** The result of one POST; failures are results too, so `Post` never rejects. */
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
