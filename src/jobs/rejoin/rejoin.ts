/**
 * Joins repeated requests: a client that repeats a request because it received no answer gets the existing job and does
 * not pay for a second one. A repeat is identified by its API key and body. Whether the earlier request was answered is
 * recorded in a database row, because the repeat may reach another instance.
 */
import type { Accept, AcceptResult } from '../accept/accept.ts';
import { startLoop, type Loop } from '../../concurrency/loop.ts';
import type { Log } from '../../log.ts';
import type { RejoinStore } from '../ports/rejoin.ts';
import {
  createAcceptOrJoin,
  maxAgeMsOf,
  type AcceptOrJoin,
  type InSlot,
  type SubmitRequest,
} from './accept-or-join.ts';
import { createAnswerRecorder, type AnswerRecorder } from './answer-recorder.ts';
import { createDatabaseClock } from './database-clock.ts';
import { createOpenConnections } from './open-connections.ts';
import type { JoinLimits } from './rejoin-rules.ts';

export interface Rejoin {
  /** Accepts a request that has an idempotency key, and stores what the client sent. */
  accept(submit: SubmitRequest, inSlot: InSlot): Promise<AcceptResult>;
  /**
   * Joins the newest unanswered request with the same API key and body, or accepts this one. A caller that gets a job
   * reports with `ended` what became of its answer. As long as the fate of an earlier answer is unknown, the request
   * waits: a second or two for a live instance, and up to the lease for a dead one.
   */
  readonly acceptOrJoin: AcceptOrJoin;
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
  readonly ended: AnswerRecorder['report'];
  readonly findSent: RejoinStore['findSent'];
  start(): void;
  /** Stops the loop and records the remaining reports, if the database is available. */
  stop(): Promise<void>;
}

export interface RejoinDeps {
  readonly store: RejoinStore;
  readonly accept: Accept;
  readonly instanceId: string;
  readonly limits: JoinLimits;
  readonly log: Log;
}

/** Maximum interval at which an instance checks whether it is asked about its connections; several times per lease. */
const CONFIRM_MS = 1_000;
const CONFIRMS_PER_LEASE = 5;
const FORGET_MS = 60_000;
const FORGET_BATCH = 500;
const FORGET_MARGIN_MS = 3_600_000;

export function createRejoin({ store, accept, instanceId, limits, log }: RejoinDeps): Rejoin {
  const clock = createDatabaseClock();
  const connections = createOpenConnections(store, instanceId);
  const answers = createAnswerRecorder({ store, instanceId, limits, clock });
  const confirmMs = Math.min(CONFIRM_MS, limits.leaseMs / CONFIRMS_PER_LEASE);
  const forget = createForget(store, maxAgeMsOf(limits));
  let loop: Loop | undefined;

  const nudge = (): void => loop?.nudge();

  async function step(): Promise<number> {
    await answers.record();
    await connections.confirm();
    await forget();
    return confirmMs;
  }

  return {
    accept: ({ accountId, request, sent }, inSlot) =>
      inSlot(() => accept(accountId, request, { stored: (tx, { id }) => store.recordSent(tx, id, sent) })),

    acceptOrJoin: createAcceptOrJoin({ store, accept, instanceId, limits, clock, answers, connections, nudge }),

    async answering(jobId) {
      connections.add(jobId);
      // The time of this call, not of the write: the write may wait for a database connection while the client
      // disconnects.
      await store.reopen(jobId, instanceId, clock.toDatabaseMs(performance.now()));
    },

    extendJoinTime: (jobId) => store.extendJoinTime(jobId, limits.holdMs),

    stopConfirming: connections.delete,

    ended(jobId, state, options) {
      connections.delete(jobId);
      answers.report(jobId, state, options);
      nudge();
    },

    findSent: store.findSent,

    start() {
      loop = startLoop(step, (error) =>
        log.warn({ err: error }, 'the delivery of answers could not be recorded; retrying'),
      );
    },

    async stop() {
      await loop?.stop();
      await answers
        .record()
        .catch((error: unknown) =>
          log.warn(
            { err: error },
            'the delivery of answers could not be recorded: ' +
              'their requests count as open until no instance confirms that they are open',
          ),
        );
    },
  };
}

/** Creates the function that deletes records that no request can join any more, in batches with pauses in between. */
function createForget(store: RejoinStore, maxAgeMs: number): () => Promise<void> {
  let forgottenAt = -Infinity;
  return async () => {
    if (performance.now() - forgottenAt < FORGET_MS) return;
    const count = await store.forgetRequests(maxAgeMs + FORGET_MARGIN_MS, FORGET_BATCH);
    if (count < FORGET_BATCH) forgottenAt = performance.now();
  };
}
