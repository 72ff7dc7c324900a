/** The core: accepts, submits, settles, watches and reconciles jobs, using only the ports that it declares. */
import { createRetryLine } from '../concurrency/retry-queue.ts';
import { createBackground } from './background.ts';
import { createEdge, type EdgeDeps, type JobEdge } from './edge.ts';
import { createOperations, type JobOperations, type OperationDeps } from './operations.ts';
import type { SettleEffect } from './ports/effects.ts';
import type { Feed } from './ports/feed.ts';
import { createCallbackHealth, type CallbackHealth } from './reconcile/callback-health.ts';
import type { PollSteps } from './reconcile/poll-schedule.ts';
import { createReconciler } from './reconcile/reconcile.ts';
import { type Aged, agedJobs, createRetention, type Keep } from './retain/delete-by-age.ts';
import { createSettle, type Settle } from './settle/settle.ts';
import { createDispatcher } from './submit/dispatcher.ts';
import { createAccountWatch } from './watch/watch-account.ts';
import { createJobWatch } from './watch/watch-job.ts';

export interface JobsDeps extends OperationDeps, EdgeDeps {
  readonly feed: Feed;
  readonly pollSteps: PollSteps;
  readonly queueDeadlineMs: number;
  /** Maximum number of unread jobs buffered in memory for each account watcher. */
  readonly maxUnreadJobs: number;
  /** True if the upstream has been given a way to call back. */
  readonly expectsCallbacks: boolean;
  /**
   * True if jobs whose submit was never answered are searched for by listing the upstream's tasks. Requires callback
   * URLs, because a task is matched to its job by the callback URL that it echoes.
   */
  readonly listingLookup: boolean;
  readonly keep: Keep;
  /** Data of other cores that the same rounds delete by age. */
  readonly keepElsewhere: readonly Aged[];
  /** Run when a job ends. */
  readonly settleEffects: readonly SettleEffect[];
  /** Run when the upstream is known to be working on a job. */
  readonly processEffects: readonly SettleEffect[];
}

export interface JobLifecycle {
  /** Starts submitting, reconciling and deleting by age. */
  start(): void;
  /**
   * Stops claiming jobs and lets submits in progress finish for up to `graceMs`, then aborts them. A job whose aborted
   * submit may have arrived becomes UNCONFIRMED.
   */
  stop(graceMs: number): Promise<void>;
}

export interface Jobs extends JobOperations, JobEdge, JobLifecycle {}

/** Delay before the first listing: a task has a record soon after its submit. */
const FIRST_LISTING_MS = 15_000;

export function createJobs(deps: JobsDeps): Jobs {
  const { store, feed, upstream, log, pollSteps, expectsCallbacks } = deps;
  const settle = createSettle({ store, log, effects: deps.settleEffects, processEffects: deps.processEffects });
  const jobWatch = createJobWatch(store, feed, log);
  const callbackHealth = createCallbackHealth({
    history: store,
    upstreamId: upstream.id,
    pollSteps,
    expectsCallbacks,
    log,
  });
  const background = createBackground({ ...createWork(deps, settle, callbackHealth), pollSteps, log });
  const accountWatch = createAccountWatch({ reader: store, feed, log, maxUnread: deps.maxUnreadJobs });
  const retries = createRetryLine(deps.callbacks.retry);
  const { nudge } = background;

  return {
    ...createOperations(deps, { settle, jobWatch, accountWatch, nudge: () => nudge('slot') }),
    ...createEdge(deps, { settle, callbackHealth, jobWatch, accountWatch, retries, nudge }),
    start: background.start,
    async stop(graceMs) {
      // Otherwise the server would wait for callbacks that are waiting for the database.
      retries.stop();
      await background.stop(graceMs);
      jobWatch.stop();
      accountWatch.stop();
    },
  };
}

/** Creates what the background loops run. */
function createWork(deps: JobsDeps, settle: Settle, callbackHealth: CallbackHealth) {
  const { store, upstream, upstreamLimits, pollSteps, log } = deps;
  const firstListingMs =
    deps.listingLookup && deps.expectsCallbacks ? Math.min(pollSteps.firstMs, FIRST_LISTING_MS) : null;
  return {
    dispatcher: createDispatcher({
      store: deps.urgentStore,
      upstream,
      settle,
      upstreamLimits,
      firstPollMs: () => callbackHealth.steps().firstMs,
      firstListingMs,
      log,
    }),
    reconciler: createReconciler({
      store,
      upstream,
      settle,
      callbackHealth,
      jobDeadlineMs: upstreamLimits.jobDeadlineMs,
      queueDeadlineMs: deps.queueDeadlineMs,
      firstListingMs,
      log,
    }),
    retention: createRetention([...agedJobs(store, deps.keep), ...deps.keepElsewhere], log),
  };
}
