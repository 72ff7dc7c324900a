/**
 * Joins a request to an unanswered one with the same API key and body, or accepts it. The check of the earlier requests
 * and the acceptance are one transaction.
 */
import { setTimeout } from 'node:timers/promises';
import type { Accept, AcceptResult, AcceptSteps } from '../accept/accept.ts';
import type { MotionRequest } from '../accept/input-rules.ts';
import { createKeyedMutex } from '../../concurrency/keyed-mutex.ts';
import type { Likeness, RejoinStore, SentRequest } from '../ports/rejoin.ts';
import type { AnswerRecorder } from './answer-recorder.ts';
import type { DatabaseClock } from './database-clock.ts';
import type { OpenConnections } from './open-connections.ts';
import { type Arrival, type JoinLimits, matchEarlier } from './rejoin-rules.ts';

export type JoinResult =
  | AcceptResult
  /** The job of an earlier request that was not answered. */
  | { readonly kind: 'joined'; readonly jobId: string }
  /** The client disconnected before anything was stored. */
  | { readonly kind: 'gone' };

/** A request for a job, and what the client sent. */
export interface SubmitRequest {
  readonly accountId: string;
  readonly request: MotionRequest;
  readonly sent: SentRequest;
}

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
export type InSlot = <T>(work: () => Promise<T>) => Promise<T>;

export type AcceptOrJoin = (submit: SubmitRequest, likeness: Likeness, client: WaitingClient) => Promise<JoinResult>;

interface AcceptOrJoinDeps {
  readonly store: RejoinStore;
  readonly accept: Accept;
  readonly instanceId: string;
  readonly limits: JoinLimits;
  readonly clock: DatabaseClock;
  readonly answers: AnswerRecorder;
  readonly connections: OpenConnections;
  /** Makes the loop record the reports about answers, and confirm the open connections, without delay. */
  readonly nudge: () => void;
}

/**
 * Minimum for `breakMs`. Even on a network without delay, an instance detects a broken connection later than another
 * instance receives the next request.
 */
const MIN_BREAK_MS = 300;
const LOOK_AGAIN_MS = 200;

/** State of a request that waits until it is known whether earlier ones were answered. */
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

/** Returns the time for which later requests may count as repeats of a request. */
export const maxAgeMsOf = ({ joinMs, holdMs }: JoinLimits): number => joinMs + holdMs;

export function createAcceptOrJoin(deps: AcceptOrJoinDeps): AcceptOrJoin {
  const { store, nudge } = deps;
  const breakMs = Math.max(MIN_BREAK_MS, deps.limits.breakMs);
  const acceptOnce = createAcceptOnce(deps, breakMs);
  /**
   * Serializes the checks of requests with the same API key and body at this instance, so that many of them occupy only
   * one database connection while they wait for their lock.
   */
  const inTurn = createKeyedMutex();

  return async (submit, likeness, client) => {
    const { arrivedAt, gone } = client;
    const known: Known = { arrivedAt, arrival: null };
    for (let looks = 0; !gone.aborted; looks += 1) {
      try {
        return await inTurn(`${likeness.keyId} ${likeness.bodyHash}`, () =>
          acceptOnce(submit, likeness, client, known),
        );
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
  };
}

/** Creates one attempt to accept a request, which throws `NotAcceptedError` if the request may be a repeat. */
function createAcceptOnce(
  { store, accept, instanceId, limits, clock, answers, connections }: AcceptOrJoinDeps,
  breakMs: number,
) {
  const maxAgeMs = maxAgeMsOf(limits);

  return async (
    { accountId, request, sent }: SubmitRequest,
    likeness: Likeness,
    { gone, inSlot }: WaitingClient,
    known: Known,
  ): Promise<AcceptResult> => {
    if (gone.aborted) throw new NotAcceptedError({ kind: 'gone' });
    let openAtMs = 0;
    const steps: AcceptSteps = {
      async before(tx) {
        // Measured before the check: waiting for its lock makes the arrival seem later than it was, never earlier.
        const agoMs = performance.now() - known.arrivedAt;
        const { nowMs, earlier } = await store.findEarlier(tx, likeness, maxAgeMs);
        clock.set(nowMs);
        // The following steps may wait, for quota or for their turn, and the connection may break in the meantime.
        openAtMs = nowMs;
        known.arrival ??= { arrivedMs: nowMs - agoMs, sinceMs: nowMs + breakMs };
        // The rows do not yet contain what this instance has just learned.
        const match = matchEarlier(
          earlier.filter(({ jobId }) => !answers.hasUnrecordedArrival(jobId)),
          known.arrival,
          limits,
        );
        if (match.kind !== 'none') throw new NotAcceptedError(match);
        // The client no longer waits for an answer, so it must not pay: its repeat is accepted, or already was.
        if (gone.aborted) throw new NotAcceptedError({ kind: 'gone' });
      },
      async stored(tx, { id }) {
        await store.recordSent(tx, id, sent);
        await store.recordOpen(tx, likeness, { jobId: id, instanceId, openAtMs });
      },
    };
    const result = await inSlot(() => accept(accountId, request, steps));
    if (result.kind === 'accepted') connections.add(result.job.id);
    return result;
  };
}
