/**
 * Joins repeated requests: a client that repeats a request because it received no answer gets the existing job and does
 * not pay for a second one. A repeat is identified by its API key and body. Whether the earlier request was answered is
 * recorded in a database row, because the repeat may reach another instance.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Accept, AcceptResult, AcceptSteps } from '../accept/accept.ts';
import type { MotionRequest } from '../accept/input-rules.ts';
import { type Arrival, type JoinLimits, judge } from './rejoin-rules.ts';
import { createLine } from '../../concurrency/limiter.ts';
import { startLoop, type Loop } from '../../concurrency/loop.ts';
import type { Log } from '../../log.ts';
import type { AnswerState, JoinStore, Likeness, SentRequest } from '../ports/rejoin.ts';

export type JoinResult =
  | AcceptResult
  /** The job of an earlier request that was not answered. */
  | { readonly kind: 'joined'; readonly jobId: string }
  /** The client disconnected before anything was stored. */
  | { readonly kind: 'gone' };

interface WaitingClient {
  /**
   * When the headers of the request had arrived, by `performance.now()`. The request may wait afterwards, for example
   * for its key check or its turn. It does not count as a repeat of a request that was answered during that wait.
   */
  readonly arrivedAt: number;
  /** Aborts when the client disconnects. */
  readonly gone: AbortSignal;
  readonly inSlot: InSlot;
}

/**
 * Runs work in an admission slot. A request that waits between two checks holds no slot, because the wait may take
 * seconds.
 */
type InSlot = <T>(work: () => Promise<T>) => Promise<T>;

export interface Joining {
  /** Accepts a request that has an idempotency key, and stores what the client sent. */
  accept(accountId: string, request: MotionRequest, sent: SentRequest, inSlot: InSlot): Promise<AcceptResult>;
  /**
   * Joins the newest unanswered request with the same API key and body, or accepts this one. A caller that gets a job
   * reports with `ended` what became of its answer. As long as the fate of an earlier answer is unknown, the request
   * waits: a second or two for a live instance, and up to the lease for a dead one.
   */
  acceptOrJoin(
    accountId: string,
    request: MotionRequest,
    sent: SentRequest,
    likeness: Likeness,
    client: WaitingClient,
  ): Promise<JoinResult>;
  /**
   * Marks a joined request as open again. Must be called before its answer is written: a client that has read the
   * answer and sends the request again wants a new job, and must not find the request still unanswered.
   */
  answering(jobId: string): Promise<void>;
  /**
   * Extends the time in which a request can be joined by the duration of a hold. Must be called before a joined request
   * is held. If the instance dies during the hold, the next repeat still finds a request that it can join.
   */
  extendJoinTime(jobId: string): Promise<void>;
  /**
   * Stops confirming the connection of the answer as open. The connection no longer shows that its client is present,
   * and it is not yet known whether the answer was read: repeats wait for `ended`.
   */
  stopConfirming(jobId: string): void;
  /**
   * Reports what became of the answer about this job, as far as there is evidence. The report is recorded soon, and
   * retried until it is recorded.
   */
  ended(jobId: string, state: End['state'], options?: Partial<Omit<End, 'state'>>): void;
  findSent: JoinStore['findSent'];
  start(): void;
  /** Stops the loop and records the remaining reports, if the database is available. */
  stop(): Promise<void>;
}

export interface JoiningDeps {
  readonly store: JoinStore;
  readonly accept: Accept;
  readonly instanceId: string;
  readonly limits: JoinLimits;
  readonly log: Log;
}

interface End {
  /** `DOUBTFUL`: there is no evidence whether the answer arrived. */
  readonly state: Exclude<AnswerState, 'OPEN'> | 'DOUBTFUL';
  /** True if the time to join also starts now for a request that was already unanswered; the default. */
  readonly renew: boolean;
  /** When the answer was written, by this process's clock. */
  readonly writtenAt: number;
}

/**
 * Minimum for `breakMs`. Even on a network without delay, an instance detects a broken connection later than another
 * instance receives the next request.
 */
const MIN_BREAK_MS = 300;
const LOOK_AGAIN_MS = 200;
/** Maximum interval at which an instance checks whether it is asked about its connections; several times per lease. */
const CONFIRM_MS = 1_000;
const CONFIRMS_PER_LEASE = 5;
/** Number of event loop turns after which a connection that broke earlier is known to be broken. */
const TURNS = 3;
const FORGET_MS = 60_000;
const FORGET_BATCH = 500;
const FORGET_MARGIN_MS = 3_600_000;

/** State of a request that waits until the fate of earlier ones is known. */
interface Known {
  /** By this process's clock. */
  readonly arrivedAt: number;
  arrival: Arrival | null;
}

/** Thrown inside the accept transaction, so that nothing is stored. */
class NotAcceptedError extends Error {
  override readonly name = 'NotAcceptedError';

  constructor(
    readonly end:
      | { readonly kind: 'joined'; readonly jobId: string }
      | { readonly kind: 'gone' }
      | { readonly kind: 'unsure'; readonly jobIds: readonly string[] },
  ) {
    super(end.kind);
  }
}

export function createJoining({ store, accept, instanceId, limits, log }: JoiningDeps): Joining {
  /** Jobs with an answer whose connection is open at this instance. */
  const open = new Set<string>();
  const unrecorded = new Map<string, End>();
  const breakMs = Math.max(MIN_BREAK_MS, limits.breakMs);
  const maxAgeMs = limits.joinMs + limits.holdMs;
  const confirmMs = Math.min(CONFIRM_MS, limits.leaseMs / CONFIRMS_PER_LEASE);
  /**
   * Serializes the checks of requests with the same API key and body at this instance, so that many of them occupy only
   * one database connection while they wait for their lock.
   */
  const looking = new Map<string, { readonly inTurn: ReturnType<typeof createLine>; looks: number }>();
  /**
   * The last time read from the database, and the time of this process right after that read. An estimate based on them
   * is never ahead of the database.
   */
  let clock = { databaseMs: 0, processMs: 0 };
  let loop: Loop | undefined;
  let forgottenAt = -Infinity;

  const nudge = (): void => loop?.nudge();

  /**
   * Converts a time of this process to database time. The result is never later than the true time, regardless of how
   * long a statement takes to reach the database. A request counts as a repeat of an answer in doubt if it arrived
   * after that answer was written; its arrival time is estimated too late, never too early.
   */
  const toDatabaseMs = (processMs: number): number => clock.databaseMs + processMs - clock.processMs;

  async function recordEnds(): Promise<void> {
    const groups = new Map<string, [string, End][]>();
    for (const entry of unrecorded)
      groups.set(`${entry[1].state} ${entry[1].renew}`, [
        ...(groups.get(`${entry[1].state} ${entry[1].renew}`) ?? []),
        entry,
      ]);
    for (const entries of groups.values()) {
      const { state, renew } = entries[0]![1];
      const jobIds = entries.map(([jobId]) => jobId);
      if (state !== 'DOUBTFUL') await store.recordAnswers(instanceId, jobIds, state, renew);
      // The earliest of several times counts, so that no repeat of any answer is mistaken for a request that arrived
      // before that answer.
      else
        await store.recordDoubts(
          instanceId,
          jobIds,
          toDatabaseMs(Math.min(...entries.map(([, { writtenAt }]) => writtenAt))),
          Math.max(0, limits.joinMs - limits.doubtMs),
        );
      // Skipped if a later report about the same job arrived in the meantime.
      for (const [jobId, end] of entries) if (unrecorded.get(jobId) === end) unrecorded.delete(jobId);
    }
  }

  async function confirmOpen(): Promise<void> {
    if (open.size === 0) return;
    const { nowMs, jobIds } = await store.findAsked(instanceId);
    for (let turn = 0; turn < TURNS; turn += 1) await setImmediate();
    // Checked after the read, but recorded as of the read. A connection that broke in the meantime is no longer in the
    // set. For one that breaks before the write, the record only states that it was open at the time of the read.
    const healthy = jobIds.filter((jobId) => open.has(jobId));
    if (healthy.length > 0) await store.confirmOpen(healthy, nowMs);
  }

  async function forget(): Promise<number> {
    if (performance.now() - forgottenAt < FORGET_MS) return confirmMs;
    const count = await store.forgetRequests(maxAgeMs + FORGET_MARGIN_MS, FORGET_BATCH);
    if (count < FORGET_BATCH) forgottenAt = performance.now();
    return confirmMs;
  }

  async function inTurn<T>({ keyId, bodyHash }: Likeness, look: () => Promise<T>): Promise<T> {
    const name = `${keyId} ${bodyHash}`;
    const line = looking.get(name) ?? { inTurn: createLine(1), looks: 0 };
    looking.set(name, line);
    line.looks += 1;
    try {
      return await line.inTurn(look);
    } finally {
      line.looks -= 1;
      if (line.looks === 0) looking.delete(name);
    }
  }

  async function acceptOnce(
    accountId: string,
    request: MotionRequest,
    sent: SentRequest,
    likeness: Likeness,
    { gone, inSlot }: WaitingClient,
    known: Known,
  ): Promise<AcceptResult> {
    if (gone.aborted) throw new NotAcceptedError({ kind: 'gone' });
    let openAtMs = 0;
    const steps: AcceptSteps = {
      async before(tx) {
        // Measured before the check: waiting for its lock makes the arrival seem later than it was, never earlier.
        const agoMs = performance.now() - known.arrivedAt;
        const { nowMs, earlier } = await store.findEarlier(tx, likeness, maxAgeMs);
        clock = { databaseMs: nowMs, processMs: performance.now() };
        // The following steps may wait, for quota or for their turn, and the connection may break in the meantime.
        openAtMs = nowMs;
        known.arrival ??= { arrivedMs: nowMs - agoMs, sinceMs: nowMs + breakMs };
        // The rows do not yet contain what this instance has just learned.
        const judgement = judge(
          earlier.filter(({ jobId }) => unrecorded.get(jobId)?.state !== 'ANSWERED'),
          known.arrival,
          limits,
        );
        if (judgement.kind !== 'none') throw new NotAcceptedError(judgement);
        // The client no longer waits for an answer, so it must not pay: its repeat is accepted, or already was.
        if (gone.aborted) throw new NotAcceptedError({ kind: 'gone' });
      },
      async stored(tx, { id }) {
        await store.recordSent(tx, id, sent);
        await store.recordOpen(tx, id, likeness, instanceId, openAtMs);
      },
    };
    const result = await inSlot(() => accept(accountId, request, steps));
    if (result.kind === 'accepted') open.add(result.job.id);
    return result;
  }

  return {
    accept: (accountId, request, sent, inSlot) =>
      inSlot(() => accept(accountId, request, { stored: (tx, { id }) => store.recordSent(tx, id, sent) })),

    async acceptOrJoin(accountId, request, sent, likeness, client) {
      const { arrivedAt, gone } = client;
      const known: Known = { arrivedAt, arrival: null };
      for (let looks = 0; !gone.aborted; looks += 1) {
        try {
          return await inTurn(likeness, () => acceptOnce(accountId, request, sent, likeness, client, known));
        } catch (error) {
          if (!(error instanceof NotAcceptedError)) throw error;
          if (error.end.kind !== 'unsure') return error.end;
          // Only after `breakMs`, so that an instance that reports a connection as open would have detected a break.
          if (looks > 0) await store.ask(error.end.jobIds);
          nudge();
          await setTimeout(looks === 0 ? breakMs : LOOK_AGAIN_MS, undefined, { signal: gone }).catch(() => undefined);
        }
      }
      return { kind: 'gone' };
    },

    async answering(jobId) {
      open.add(jobId);
      // The time of this call, not of the write: the write may wait for a database connection while the client
      // disconnects.
      await store.reopen(jobId, instanceId, toDatabaseMs(performance.now()));
    },

    extendJoinTime: (jobId) => store.extendJoinTime(jobId, limits.holdMs),

    stopConfirming(jobId) {
      open.delete(jobId);
    },

    ended(jobId, state, { renew = true, writtenAt = performance.now() } = {}) {
      open.delete(jobId);
      unrecorded.set(jobId, {
        state: state === 'DOUBTFUL' && limits.doubtMs === 0 ? 'ANSWERED' : state,
        renew,
        writtenAt,
      });
      nudge();
    },

    findSent: store.findSent,

    start() {
      const step = async (): Promise<number> => {
        await recordEnds();
        await confirmOpen();
        return forget();
      };
      loop = startLoop(step, (error) =>
        log.warn({ err: error }, 'the delivery of answers could not be recorded; retrying'),
      );
    },

    async stop() {
      await loop?.stop();
      await recordEnds().catch((error: unknown) =>
        log.warn(
          { err: error },
          'the delivery of answers could not be recorded: ' +
            'their requests count as open until no instance confirms that they are open',
        ),
      );
    },
  };
}
