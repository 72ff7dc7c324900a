/**
 * Delivers webhooks: leases the deliveries that are due, signs and sends each of them once, and records the result. The
 * leases of a worker that dies expire, within a minute by default.
 */
import { nextTryMs } from './retry-schedule.ts';
import { makeSecret, signedHeaders } from './sign.ts';
import { BrokenSealError, type Sealer } from './seal-secrets.ts';
import {
  accountOwner,
  type Answer,
  type DueDelivery,
  type Post,
  type Tried,
  type WebhookLog,
  type WebhookStore,
} from './ports.ts';

export interface DeliverDeps {
  readonly store: WebhookStore;
  readonly post: Post;
  readonly sealer: Sealer;
  readonly log: WebhookLog;
  /** Delays between one attempt and the next. */
  readonly stepsMs: readonly number[];
  /** Time of continuous failure after which an endpoint is disabled. */
  readonly disableAfterMs: number;
  /** Duration of a lease; longer than an attempt can take, including its wait for a connection. */
  readonly leaseMs: number;
  /** Maximum number of concurrent deliveries in this instance. */
  readonly atOnce: number;
  /** Maximum number of concurrent deliveries to one host; equal to the connection limit for a host. */
  readonly perHost: number;
  /** Retention period of events and their delivery log. */
  readonly keepDays: number;
  /** Called when `runOnce` may find new work. */
  readonly nudge: () => void;
}

export interface Deliverer {
  /**
   * Fans out events, starts deliveries that are due as far as capacity allows, and periodically deletes old events.
   * Resolves with the delay until the next run, in ms.
   */
  runOnce(): Promise<number>;
  /** Resolves when all deliveries in progress have ended; aborts them after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Maximum number of concurrent deliveries to a host whose last attempt failed slowly. */
const PER_SLOW_HOST = 1;
/**
 * A failure that takes longer than this counts as slow, because it occupies a delivery slot. Hosts that fail quickly
 * are not limited further.
 */
const SLOW_MS = 500;
const IDLE_MS = 1_000;
const USER_AGENT = 'motion-gateway-webhooks/1';
/** Maximum number of hosts remembered as slow; the oldest are evicted. */
const MAX_SLOW_HOSTS = 10_000;
const GONE = 410;
/**
 * Failures that are not the receiver's: all connections to the host stayed in use for too long, the instance is
 * stopping, or the delivery cannot be signed.
 */
const ownFaults: ReadonlySet<string> = new Set(['BUSY', 'STOPPED', 'NO_SECRET']);
/** Interval and batch size of deletion by age. */
const DELETE_EVERY_MS = 60_000;
const DELETE_BATCH = 500;
/** Limits of one round. The remainder is fanned out in the next round, after due deliveries have been leased. */
const FAN_OUT = { events: 10, deliveries: 250 } as const;
/** Delay before the next round if events are left only because their endpoints are locked by a change. */
const FAN_OUT_AGAIN_MS = 100;

export function createDeliverer({
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
}: DeliverDeps): Deliverer {
  const underWay = new Set<Promise<void>>();
  const underWayTo = new Map<string, number>();
  /** Hosts whose last attempt from this instance failed slowly: a receiver that hangs must not occupy all slots. */
  const slow = new Set<string>();
  const cutOff = new AbortController();

  const roomOf = (host: string): number => (slow.has(host) ? PER_SLOW_HOST : perHost);

  async function secretsOf({ endpointId, accountId, secrets }: DueDelivery): Promise<string[]> {
    const owner = endpointId ?? accountOwner(accountId);
    const found = secrets ?? (await store.ensureSecret(owner, accountId, sealer.seal(makeSecret(), owner)));
    return [found.sealed, found.previous]
      .filter((sealed) => sealed !== null)
      .map((sealed) => sealer.open(sealed, owner));
  }

  async function send(due: DueDelivery): Promise<Answer> {
    try {
      const secrets = await secretsOf(due);
      const headers = {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': USER_AGENT,
        ...signedHeaders(secrets, due.eventId, Math.floor(Date.now() / 1_000), due.body),
      };
      return await post(due.url, { headers, body: due.body, signal: cutOff.signal });
    } catch (error) {
      if (!(error instanceof BrokenSealError)) throw error;
      log.error(
        { err: error, endpointId: due.endpointId, accountId: due.accountId },
        'a webhook cannot be signed: rotate its secret',
      );
      return { kind: 'failed', reason: 'NO_SECRET', ms: 0 };
    }
  }

  async function recordFailure(due: DueDelivery, tried: Tried): Promise<void> {
    await store.transaction(async (tx) => {
      // If our lease has expired, another worker has made an attempt since, and its record counts.
      if (!(await store.record(tx, due, tried)) || due.endpointId === null) return;
      const failingMs = await store.noteFailure(tx, due.endpointId);
      const reason = tried.httpStatus === GONE ? 'GONE' : (failingMs ?? 0) >= disableAfterMs ? 'FAILING' : null;
      if (reason === null) return;
      await store.disable(tx, due.endpointId, reason);
      log.warn({ endpointId: due.endpointId, accountId: due.accountId, reason }, 'a webhook endpoint was disabled');
    });
  }

  async function deliver(due: DueDelivery): Promise<void> {
    if (!due.isWanted) return store.giveUp(due);
    const answer = await send(due);
    // Not a failure of the receiver: the delivery is due again when its lease expires.
    if (answer.kind === 'failed' && (ownFaults.has(answer.reason) || cutOff.signal.aborted)) return;
    const tried = judge(answer, due.failures, stepsMs);
    if (tried.state === 'DELIVERED' || answer.ms <= SLOW_MS) slow.delete(due.host);
    else remember(due.host);
    if (tried.state === 'DELIVERED') await store.recordSuccess(due, tried);
    else await recordFailure(due, tried);
    log.info(
      {
        deliveryId: due.id,
        eventId: due.eventId,
        httpStatus: tried.httpStatus,
        failure: tried.failure,
        ms: tried.latencyMs,
        state: tried.state,
      },
      'webhook',
    );
  }

  function remember(host: string): void {
    slow.delete(host);
    slow.add(host);
    if (slow.size > MAX_SLOW_HOSTS) slow.delete(slow.values().next().value!);
  }

  function begin(due: DueDelivery): void {
    underWayTo.set(due.host, (underWayTo.get(due.host) ?? 0) + 1);
    const delivery = deliver(due)
      .catch((error: unknown) =>
        log.warn({ err: error, deliveryId: due.id }, 'a delivery could not be recorded; it will be repeated'),
      )
      .finally(() => {
        underWay.delete(delivery);
        const left = underWayTo.get(due.host)! - 1;
        if (left > 0) underWayTo.set(due.host, left);
        else underWayTo.delete(due.host);
        // A slot is free now, for this host and in total.
        nudge();
      });
    underWay.add(delivery);
  }

  let deletedAt = performance.now();
  async function deleteByAge(): Promise<void> {
    if (performance.now() - deletedAt < DELETE_EVERY_MS) return;
    const count = await store.deleteEventsByAge(keepDays, DELETE_BATCH).catch((error: unknown) => {
      log.warn({ err: error }, 'deleting webhooks by age failed; retrying');
      return 0;
    });
    // After a full batch, the next run deletes another one at once.
    if (count < DELETE_BATCH) deletedAt = performance.now();
  }

  /** Fans out one round of events. Resolves with the delay until the next round, in ms. */
  async function fanOut(): Promise<number> {
    const { made, done, left } = await store.fanOut(FAN_OUT);
    if (made + done > 0) return 0;
    return left > 0 ? FAN_OUT_AGAIN_MS : IDLE_MS;
  }

  async function claim(): Promise<number> {
    const limit = atOnce - underWay.size;
    if (limit <= 0) return IDLE_MS;
    const busyHosts = [...underWayTo].filter(([host, count]) => count >= roomOf(host)).map(([host]) => host);
    const claimed = await store.claim({ limit, perHost, leaseMs, busyHosts, slowHosts: [...slow] });
    for (const due of claimed) begin(due);
    return claimed.length > 0 ? 0 : IDLE_MS;
  }

  return {
    async runOnce() {
      await deleteByAge();
      // A failed fan-out must not prevent due deliveries from being sent.
      const [fannedOut] = await Promise.allSettled([fanOut()]);
      const waitMs = await claim();
      if (fannedOut.status === 'rejected') throw fannedOut.reason as Error;
      return Math.min(fannedOut.value, waitMs);
    },
    async stop(graceMs) {
      const timer = setTimeout(() => cutOff.abort(), graceMs);
      await Promise.all(underWay);
      clearTimeout(timer);
    },
  };
}

/**
 * Evaluates the answer to an attempt. Any 2xx status is a successful delivery. Everything else is retried, including
 * redirects, which are never followed, until the schedule is exhausted. 410 (Gone) is not retried.
 */
export function judge(
  answer: Answer,
  failuresBefore: number,
  stepsMs: readonly number[],
  chance: number = Math.random(),
): Tried {
  const httpStatus = answer.kind === 'answered' ? answer.httpStatus : null;
  const told = { httpStatus, failure: answer.kind === 'failed' ? answer.reason : null, latencyMs: answer.ms };
  if (httpStatus !== null && httpStatus >= 200 && httpStatus < 300)
    return { ...told, state: 'DELIVERED', nextInMs: null };
  const nextInMs = httpStatus === GONE ? null : nextTryMs(failuresBefore + 1, stepsMs, chance);
  return { ...told, state: nextInMs === null ? 'FAILED' : 'DUE', nextInMs };
}
