/**
 * Joining: a client that repeats a request because nobody answered it gets the job of then, and does not pay for
 * another one. Who repeats is known by key and body, and whether the earlier request was answered by its record, which
 * is a row: a repeat may come to another instance.
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
  /** The job of an earlier request that nobody answered. */
  | { readonly kind: 'joined'; readonly jobId: string }
  /** The client went before anything was stored. */
  | { readonly kind: 'gone' };

interface WaitingClient {
  /**
   * When the headers of its request had come, by `performance.now()`: what it waited for since, its key and its turn
   * among them, makes it no repeat of what was answered meanwhile.
   */
  readonly arrivedAt: number;
  /** Aborts when it hangs up. */
  readonly gone: AbortSignal;
  readonly inSlot: InSlot;
}

/** Runs work in an admission slot. A request that waits between two looks, which may take seconds, holds none. */
type InSlot = <T>(work: () => Promise<T>) => Promise<T>;

export interface Joining {
  /** Accepts a request with an idempotency key of its own, and keeps what was sent. */
  accept(accountId: string, request: MotionRequest, sent: SentRequest, inSlot: InSlot): Promise<AcceptResult>;
  /**
   * Joins the newest unanswered request like this one, or accepts. Whoever gets a job says with `ended` what became of
   * its answer. While nobody knows yet what became of an earlier one it waits: a second or two for an instance that
   * lives, up to the lease of one that does not.
   */
  acceptOrJoin(
    accountId: string,
    request: MotionRequest,
    sent: SentRequest,
    likeness: Likeness,
    client: WaitingClient,
  ): Promise<JoinResult>;
  /**
   * Before the answer to a joined request is written: a client that has read it and asks again means it, and must not
   * find the request unanswered still.
   */
  answering(jobId: string): Promise<void>;
  /**
   * To be called before a joined request is held. If the instance dies during the hold, the next repeat still finds a
   * request that it can join.
   */
  extendJoinTime(jobId: string): Promise<void>;
  /**
   * The connection of the answer does not show any more that its client is there, and it is not known yet whether the
   * answer was read: repeats wait for `ended`.
   */
  stopConfirming(jobId: string): void;
  /** What became of the answer about this job, as far as anything shows it. Recorded soon, and again until it is. */
  ended(jobId: string, state: End['state'], options?: Partial<Omit<End, 'state'>>): void;
  findSent: JoinStore['findSent'];
  start(): void;
  /** Records what is left, if the database takes it. */
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
  /** `DOUBTFUL`: nothing shows whether the answer arrived. */
  readonly state: Exclude<AnswerState, 'OPEN'> | 'DOUBTFUL';
  /** Counts the time to join from now also for what was unanswered before. True unless it is said otherwise. */
  readonly renew: boolean;
  /** When the answer was written, by this process's clock. */
  readonly writtenAt: number;
}

/**
 * Also on a network without delay, an instance hears of the break of a connection later than another one of the next
 * request.
 */
const MIN_BREAK_MS = 300;
const LOOK_AGAIN_MS = 200;
/** How often an instance looks at least whether it is asked about its connections; several times in a lease. */
const CONFIRM_MS = 1_000;
const CONFIRMS_PER_LEASE = 5;
/** Turns of the event loop after which a connection that had broken is known to have. */
const TURNS = 3;
const FORGET_MS = 60_000;
const FORGET_BATCH = 500;
const FORGET_MARGIN_MS = 3_600_000;

/** Of a request that waits until it is known what became of earlier ones. */
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
  /** Jobs whose first connection is open at this instance. */
  const open = new Set<string>();
  const unrecorded = new Map<string, End>();
  const breakMs = Math.max(MIN_BREAK_MS, limits.breakMs);
  const maxAgeMs = limits.joinMs + limits.holdMs;
  const confirmMs = Math.min(CONFIRM_MS, limits.leaseMs / CONFIRMS_PER_LEASE);
  /**
   * Requests that are alike look one after the other here, so that a crowd of them waits for their lock with one
   * connection.
   */
  const looking = new Map<string, { readonly inTurn: ReturnType<typeof createLine>; looks: number }>();
  /**
   * The last database time that was read, and the time of this process right after the read; an estimate from them is
   * never ahead of the database.
   */
  let clock = { databaseMs: 0, processMs: 0 };
  let loop: Loop | undefined;
  let forgottenAt = -Infinity;

  const nudge = (): void => loop?.nudge();

  /**
   * Never later than the true time, however long the database takes to get it: a request counts as a repeat of an
   * answer in doubt if it arrived after the answer was written, and the time of its arrival is estimated too late,
   * never too early.
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
      // Of several the earliest counts, so that no repeat of any of them is taken for one that came before its answer.
      else
        await store.recordDoubts(
          instanceId,
          jobIds,
          toDatabaseMs(Math.min(...entries.map(([, { writtenAt }]) => writtenAt))),
          Math.max(0, limits.joinMs - limits.doubtMs),
        );
      // Unless a later word about the same job came meanwhile.
      for (const [jobId, end] of entries) if (unrecorded.get(jobId) === end) unrecorded.delete(jobId);
    }
  }

  async function confirmOpen(): Promise<void> {
    if (open.size === 0) return;
    const { nowMs, jobIds } = await store.findAsked(instanceId);
    for (let turn = 0; turn < TURNS; turn += 1) await setImmediate();
    // After the read, and as of the read: a connection that broke meanwhile is not in the set any more, and of one that
    // breaks before the write no more is said than that it was open then.
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
        // Before the look: the wait for its lock makes the arrival seem later than it was, and never earlier.
        const agoMs = performance.now() - known.arrivedAt;
        const { nowMs, earlier } = await store.findEarlier(tx, likeness, maxAgeMs);
        clock = { databaseMs: nowMs, processMs: performance.now() };
        // What follows may have to wait, for quota or for its turn, and the connection may break meanwhile.
        openAtMs = nowMs;
        known.arrival ??= { arrivedMs: nowMs - agoMs, sinceMs: nowMs + breakMs };
        // What this instance has just learned is not in the rows yet.
        const judgement = judge(
          earlier.filter(({ jobId }) => unrecorded.get(jobId)?.state !== 'ANSWERED'),
          known.arrival,
          limits,
        );
        if (judgement.kind !== 'none') throw new NotAcceptedError(judgement);
        // Nobody waits for an answer any more, so nobody shall pay: the repeat is accepted or was already.
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
          // After that time, so that an instance that reports a connection as open would know that it has broken.
          if (looks > 0) await store.ask(error.end.jobIds);
          nudge();
          await setTimeout(looks === 0 ? breakMs : LOOK_AGAIN_MS, undefined, { signal: gone }).catch(() => undefined);
        }
      }
      return { kind: 'gone' };
    },

    async answering(jobId) {
      open.add(jobId);
      // The time of this call and not of the write, which may wait for a database connection while the client goes
      // away.
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
        log.warn({ err: error }, 'what became of answers could not be recorded; it is tried again'),
      );
    },

    async stop() {
      await loop?.stop();
      await recordEnds().catch((error: unknown) =>
        log.warn(
          { err: error },
          'what became of answers could not be recorded: their requests count as open until nobody says that they are',
        ),
      );
    },
  };
}
