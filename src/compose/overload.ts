/** Overload protection, from the settings: it measures load, admits operations, and logs when it sheds load. */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { createAcceptors, type Acceptors } from '../http/overload/acceptors.ts';
import { createAdmission, type Admission } from '../http/overload/admission.ts';
import { startLoad, type Load } from '../http/overload/load.ts';
import type { OriginCheck } from '../http/origin-check.ts';
import { registerShedding } from '../http/overload/shed.ts';
import type { Setup } from './lifecycle.ts';

/**
 * Paths that are never shed: callbacks, by their prefix, and health and metrics, which the operator needs to find the
 * cause.
 */
const NEVER_SHED = ['/callbacks/', '/livez', '/readyz', '/metrics'];

/**
 * Number of further handles of the listening socket. With four handles in total, a load of 3,000 requests per second
 * was answered completely; with one, a third of the admitted requests got no answer. With 16, turns of the event loop
 * became so long that a third fewer requests were served at 300 per second.
 */
const ACCEPTORS = 3;
const ADD_AFTER_MS = 10_000;
/** Utilization of the event loop, over a sample of 50 ms, from which the instance counts as busy. */
const BUSY = 0.9;

const CHECK_MS = 1_000;
const LOG_INTERVAL_MS = 10_000;

interface Parts {
  readonly graphqlPath: string;
  readonly origins: OriginCheck;
  /** Returns the longest wait for a connection of the clients' pool since the last call. */
  readonly takeDatabaseWaitMs: () => number;
}

export function startOverloadProtection(
  setup: Setup,
  app: FastifyInstance,
  { graphqlPath, origins, takeDatabaseWaitMs }: Parts,
) {
  const { config, log, onStop } = setup;
  const acceptors = createAcceptors(app.server, {
    count: ACCEPTORS,
    backlog: config.LISTEN_BACKLOG,
    maxConnections: config.MAX_CONNECTIONS,
  });
  const limits = {
    maxEventLoopDelayMs: config.MAX_EVENT_LOOP_DELAY_MS,
    maxDatabaseWaitMs: config.MAX_DATABASE_WAIT_MS,
  };
  const load = startLoad(limits, takeDatabaseWaitMs);
  // An operation that waits longer than its own timeout would be answered as timed out anyway.
  const waitMsOf = (seconds: number): number => 1_000 * Math.min(seconds, config.OPERATION_TIMEOUT_SECONDS);
  const [submit, read] = [waitMsOf(config.SUBMIT_WAIT_SECONDS), waitMsOf(config.READ_WAIT_SECONDS)];
  const admission = createAdmission(
    load,
    {
      maxRunning: config.MAX_OPERATIONS,
      maxWaiting: config.MAX_WAITING_OPERATIONS,
      waitMs: { submit, read, handshake: read },
    },
    config.TARGET_EVENT_LOOP_DELAY_MS,
  );
  const logging = logShedding(load, admission, log);
  onStop(async () => {
    clearInterval(logging);
    load.stop();
  });
  registerShedding(app, admission, { graphqlPath, neverShed: NEVER_SHED, origins });
  addLater(setup, app, load, acceptors);
  return { load, admission, acceptors };
}

/**
 * Adds the handles some time after the start, when the instance is likely to be idle, or as soon as its event loop is
 * busy. The child process takes about 50 ms of CPU time, which delays callbacks if load arrives at the same moment. A
 * start does not wait for it.
 */
function addLater({ log, onStop }: Setup, { server }: FastifyInstance, load: Load, acceptors: Acceptors): void {
  let added = false;
  const add = (): void => {
    if (added || !server.listening) return;
    added = true;
    acceptors.add().catch((error: Error) => {
      log.warn(
        { reason: error.message },
        'the number of connections accepted per turn could not be raised, because a child process failed; retrying',
      );
      added = false;
    });
  };
  // Repeats until it succeeds: a start may take longer than the interval, and a child process may fail for lack of
  // memory or descriptors.
  const timer = setInterval(add, ADD_AFTER_MS).unref();
  let triedAt = -Infinity;
  onStop(async () => clearInterval(timer));
  load.onSample(({ utilization }) => {
    if (utilization < BUSY || performance.now() - triedAt < ADD_AFTER_MS) return;
    triedAt = performance.now();
    add();
  });
}

/** Logs a line at the first refusal, one every 10 s while there are more, and one when there were none for 10 s. */
function logShedding(load: Load, admission: Admission, log: FastifyBaseLogger): NodeJS.Timeout {
  let [loggedRefused, loggedAt, shedding] = [0, -Infinity, false];
  return setInterval(() => {
    const { refused, running, waiting, slots } = admission.figures();
    const inAll = refused.reduce((sum, { count }) => sum + count, 0);
    if ((!shedding && inAll === loggedRefused) || performance.now() - loggedAt < LOG_INTERVAL_MS) return;
    const [eventLoopDelayMs, databaseWaitMs] = [Math.round(load.eventLoopDelayMs()), Math.round(load.databaseWaitMs())];
    const figures = { running, waiting, slots, eventLoopDelayMs, databaseWaitMs };
    if (inAll > loggedRefused)
      log.warn({ refused: inAll - loggedRefused, ...figures }, 'shedding load: requests were refused with 503 or 429');
    else log.info(figures, 'load shedding has ended');
    shedding = inAll > loggedRefused;
    loggedRefused = inAll;
    loggedAt = performance.now();
  }, CHECK_MS).unref();
}
