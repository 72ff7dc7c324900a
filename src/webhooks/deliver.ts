/**
 * Delivering: what is due is leased, signed, sent once, and recorded. A worker that dies leaves a lease that ends
 * within a minute.
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

export interface DeliverDeps<Tx> {
  readonly store: WebhookStore<Tx>;
  readonly post: Post;
  readonly sealer: Sealer;
  readonly log: WebhookLog;
  /** Between one try and the next. */
  readonly stepsMs: readonly number[];
  /** An endpoint to which nothing was delivered for so long is disabled. */
  readonly disableAfterMs: number;
  /** Longer than a try may take, with its waiting for a connection. */
  readonly leaseMs: number;
  /** Deliveries under way at a time, in this instance. */
  readonly atOnce: number;
  /** Of these to one host: as many as there may be connections to it. */
  readonly perHost: number;
  /** How long events and their log are kept. */
  readonly keepDays: number;
  /** Runs when `runOnce` may find more than before. */
  readonly nudge: () => void;
}

export interface Deliverer {
  /**
   * Fans events out, begins the deliveries that are due, as far as there is room, and deletes by age now and then.
   * Resolves with how long to wait before the next time, in ms.
   */
  runOnce(): Promise<number>;
  /** Resolves when what is under way has ended; cuts it off after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Deliveries under way to a host whose last try failed slowly. */
const PER_SLOW_HOST = 1;
/**
 * A failure that took longer blocks one of the places for deliveries. A quick failure does not, so its host is not
 * limited.
 */
const SLOW_MS = 500;
const IDLE_MS = 1_000;
const USER_AGENT = 'motion-gateway-webhooks/1';
/** Hosts that are remembered as slow; the oldest are forgotten. */
const MAX_SLOW_HOSTS = 10_000;
const GONE = 410;
/** At a stop, where all connections to a host were in use for too long, and where nothing can be signed. */
const ownFaults: ReadonlySet<string> = new Set(['BUSY', 'STOPPED', 'NO_SECRET']);
/** Deleting by age: how often, and how much at a time. */
const DELETE_EVERY_MS = 60_000;
const DELETE_BATCH = 500;
/** Of one round; what is left comes in the next one, after a claim of what is due. */
const FAN_OUT = { events: 10, deliveries: 250 } as const;
/** Endpoints that their owners are changing are looked at again after this. */
const FAN_OUT_AGAIN_MS = 100;

export function createDeliverer<Tx>({
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
}: DeliverDeps<Tx>): Deliverer {
  const underWay = new Set<Promise<void>>();
  const underWayTo = new Map<string, number>();
  /** Hosts whose last try failed slowly here: a receiver that hangs must not take all places. */
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
      // Another worker has tried it since, because our lease ran out: its record counts.
      if (!(await store.record(tx, due, tried)) || due.endpointId === null) return;
      const failingMs = await store.noteFailure(tx, due.endpointId);
      const reason = tried.httpStatus === GONE ? 'GONE' : (failingMs ?? 0) >= disableAfterMs ? 'FAILING' : null;
      if (reason === null) return;
      await store.disable(tx, due.endpointId, reason);
      log.warn({ endpointId: due.endpointId, accountId: due.accountId, reason }, 'a webhook endpoint is disabled');
    });
  }

  async function deliver(due: DueDelivery): Promise<void> {
    if (!due.isWanted) return store.giveUp(due);
    const answer = await send(due);
    // Not the receiver's fault; it is due again when the lease ends.
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
        log.warn({ err: error, deliveryId: due.id }, 'a delivery could not be recorded; it is made again'),
      )
      .finally(() => {
        underWay.delete(delivery);
        const left = underWayTo.get(due.host)! - 1;
        if (left > 0) underWayTo.set(due.host, left);
        else underWayTo.delete(due.host);
        // There is room now, where there was none for its host, or for any.
        nudge();
      });
    underWay.add(delivery);
  }

  let deletedAt = performance.now();
  async function deleteByAge(): Promise<void> {
    if (performance.now() - deletedAt < DELETE_EVERY_MS) return;
    const count = await store.deleteEventsByAge(keepDays, DELETE_BATCH).catch((error: unknown) => {
      log.warn({ err: error }, 'deleting webhooks by age failed; it goes on');
      return 0;
    });
    // A full batch is followed by the next one at once.
    if (count < DELETE_BATCH) deletedAt = performance.now();
  }

  /** Resolves with how long to wait for the next round, in ms. */
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
      // Events that cannot be fanned out do not keep deliveries that are due from being made.
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
 * Any 2xx is a delivery; everything else is tried again, a redirect among them, which nobody follows. 410 asks for no
 * more.
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
