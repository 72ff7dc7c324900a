/** The core: accepts, submits, settles, watches and reconciles jobs, using only the ports that it declares. */
import { createAccept, createCheck, type Accept, type CheckFields, type CheckWebhookUrl } from './accept/accept.ts';
import { createCancel, type Cancel } from './settle/cancel.ts';
import { createDeleteJob, type DeleteJob } from './retain/delete-job.ts';
import { createDispatcher } from './submit/dispatcher.ts';
import { JobNotFoundError } from './model/errors.ts';
import type { EventNames } from './model/event-names.ts';
import { createFollowing, type Following } from './watch/watch-account.ts';
import { createHearing } from './reconcile/callback-health.ts';
import { createListJobs, toJobId, withUpdatesCursor, type JobPage, type ListJobs } from './read/list-jobs.ts';
import type { Job } from './model/job.ts';
import { startLoop, type Loop } from '../concurrency/loop.ts';
import { createFindOutlooks, type FindOutlooks } from './read/queue-outlook.ts';
import type { PollSteps } from './reconcile/poll-schedule.ts';
import type { JobStore } from './ports/store.ts';
import type { Feed } from './ports/feed.ts';
import type { AcceptEffect, SettleEffect } from './ports/effects.ts';
import type { Log } from '../log.ts';
import { createReconciler } from './reconcile/reconcile.ts';
import { createRehearsal, type Rehearse } from './rehearse.ts';
import { type Aged, agedJobs, createRetention, type Keep } from './retain/delete-by-age.ts';
import type { RetentionStore } from './ports/retention.ts';
import { createRetryLine, type RetryLimits } from '../concurrency/retry-queue.ts';
import { createSettling } from './settle/settle.ts';
import { createReceiveCallback, type ReceiveCallback, type ReceiveOptions } from './settle/receive-callback.ts';
import type { Taken } from './submit/claim-next.ts';
import type { Admission } from './model/admission-gate.ts';
import type { Timeline } from './ports/job-events.ts';
import type { Upstream } from './ports/upstream.ts';
import { createWatching, type Watching } from './watch/watch-job.ts';
import { UnavailableError } from '../errors.ts';

export interface JobsDeps {
  readonly store: JobStore & RetentionStore;
  readonly eventNames: EventNames;
  /**
   * The same store over a separate connection pool, so that submits, their answers and callbacks never queue behind
   * client requests.
   */
  readonly urgentStore: JobStore;
  /** For health checks: uses a separate connection and times out no later than the health check itself. */
  readonly healthStore: Pick<JobStore, 'findGate' | 'hasQueued'>;
  readonly feed: Feed;
  readonly upstream: Upstream;
  readonly log: Log;
  readonly admission: Admission;
  readonly pollSteps: PollSteps;
  readonly queueDeadlineMs: number;
  /** Maximum number of unread jobs buffered in memory for each account watcher. */
  readonly maxUnreadJobs: number;
  readonly callbacks: Pick<ReceiveOptions, 'confirm'> & { readonly retry: RetryLimits };
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
  readonly acceptEffects: readonly AcceptEffect[];
  /** Run when a job ends. */
  readonly settleEffects: readonly SettleEffect[];
  /** Run when the upstream is known to be working on a job. */
  readonly processEffects: readonly SettleEffect[];
  readonly checkWebhookUrl: CheckWebhookUrl;
}

export interface Jobs {
  readonly accept: Accept;
  readonly check: CheckFields;
  readonly cancel: Cancel;
  readonly deleteJob: DeleteJob;
  /** Returns null if the job does not exist or belongs to another account. */
  find(accountId: string, jobId: string): Promise<Job | null>;
  readonly listEvents: Timeline['listEvents'];
  readonly eventNames: EventNames;
  readonly findOutlooks: FindOutlooks;
  /**
   * Lists jobs, together with the cursor from which to watch the account. The cursor is taken before the first page is
   * read, and later pages repeat it.
   */
  list(...args: Parameters<ListJobs>): Promise<JobPage & { readonly updatesCursor: string | null }>;
  readonly watch: Watching['watch'];
  readonly follow: Following['follow'];
  /** Returns the number of watchers, of single jobs and of accounts. */
  watcherCount(): number;
  readonly receiveCallback: ReceiveCallback;
  /** Runs through the life of a job on one of the urgent connections, then rolls it back. */
  readonly rehearse: Rehearse;
  /**
   * Returns the reason why the gate is shut, or why only a probe may pass while jobs are queued; null if no job is held
   * back.
   */
  findPause(): Promise<string | null>;
  /** Returns true if callbacks appear not to reach the gateway. */
  isDeaf(): boolean;
  /** Starts submitting, reconciling and deleting by age. */
  start(): void;
  /**
   * Stops claiming jobs and lets submits in progress finish for up to `graceMs`, then aborts them. A job whose aborted
   * submit may have arrived becomes UNCONFIRMED.
   */
  stop(graceMs: number): Promise<void>;
}

/** Interval at which the reconciler looks for due work; shorter if polls are scheduled closer together. */
const RECONCILE_MS = 1_000;

/** Delay before the first listing: a task has a record soon after its submit. */
const FIRST_LISTING_MS = 15_000;

export function createJobs(deps: JobsDeps): Jobs {
  const { store, feed, upstream, log, pollSteps } = deps;
  const { jobDeadlineMs } = deps.admission;
  const settling = createSettling({ store, log, effects: deps.settleEffects, processEffects: deps.processEffects });
  const watching = createWatching(store, feed, log);
  const hearing = createHearing(store, upstream.id, pollSteps, deps.expectsCallbacks, log);
  const firstListingMs =
    deps.listingLookup && deps.expectsCallbacks ? Math.min(pollSteps.firstMs, FIRST_LISTING_MS) : null;
  const dispatcher = createDispatcher({
    store: deps.urgentStore,
    upstream,
    settling,
    admission: deps.admission,
    firstPollMs: () => hearing.steps().firstMs,
    firstListingMs,
    log,
  });
  const reconciler = createReconciler({
    store,
    upstream,
    settling,
    hearing,
    jobDeadlineMs,
    queueDeadlineMs: deps.queueDeadlineMs,
    firstListingMs,
    log,
  });
  const following = createFollowing({ reader: store, feed, log, maxUnread: deps.maxUnreadJobs });

  const cancel = createCancel(store, settling);
  const deleteJob = createDeleteJob(store, log);
  const retention = createRetention([...agedJobs(store, deps.keep), ...deps.keepElsewhere], log);

  const retries = createRetryLine(deps.callbacks.retry);
  const cutOff = new AbortController();
  const submits = new Set<Promise<void>>();
  const loops: { dispatching?: Loop; reconciling?: Loop; retaining?: Loop } = {};
  const nudge = (due: 'slot' | 'lookUp'): void => (due === 'slot' ? loops.dispatching : loops.reconciling)?.nudge();
  const reconcileMs = Math.min(RECONCILE_MS, pollSteps.firstMs, pollSteps.intervalMs);

  function begin(work: Promise<void>, failed: (error: unknown) => void): void {
    const submit = work.catch(failed).finally(() => {
      submits.delete(submit);
      nudge('slot');
      nudge('lookUp');
    });
    submits.add(submit);
  }

  async function act(taken: Taken, signal: AbortSignal): Promise<number> {
    switch (taken.kind) {
      case 'wait':
        return taken.waitMs;
      case 'probe':
        await dispatcher.probe(taken.probedBy, signal);
        return 0;
      case 'job':
        begin(dispatcher.submit(taken.job, cutOff.signal, taken.isProbe), (error) =>
          log.error({ jobId: taken.job.id, err: error }, 'the result of a submit could not be recorded'),
        );
        return 0;
      case 'unsure':
        begin(dispatcher.retract(taken.job, cutOff.signal), (error) =>
          log.error({ jobId: taken.job.id, err: error }, 'a job could not be requeued after an unconfirmed commit'),
        );
        return 0;
    }
  }

  return {
    check: createCheck(deps.checkWebhookUrl),
    accept: createAccept({
      store,
      upstream,
      effects: deps.acceptEffects,
      checkWebhookUrl: deps.checkWebhookUrl,
      nudge: () => nudge('slot'),
    }),
    cancel: async (accountId, id) => {
      const jobId = toJobId(id);
      return jobId === null ? { kind: 'notFound' } : cancel(accountId, jobId);
    },
    deleteJob: async (accountId, id) => {
      const jobId = toJobId(id);
      return jobId === null ? { kind: 'notFound' } : deleteJob(accountId, jobId);
    },
    find: async (accountId, id) => {
      const jobId = toJobId(id);
      return jobId === null ? null : store.find(accountId, jobId);
    },
    listEvents: store.listEvents,
    eventNames: deps.eventNames,
    findOutlooks: createFindOutlooks(store, upstream.id, deps.admission),
    list: withUpdatesCursor(createListJobs(store), following.findCursor),
    async watch(accountId, id, afterVersion) {
      const jobId = toJobId(id);
      if (jobId === null) throw new JobNotFoundError();
      return watching.watch(accountId, jobId, afterVersion);
    },
    follow: following.follow,
    watcherCount: () => watching.count() + following.count(),
    receiveCallback: createReceiveCallback({ store: deps.urgentStore, log, nudge }, settling, {
      confirm: deps.callbacks.confirm,
      retries,
    }),
    rehearse: createRehearsal(deps.urgentStore, settling, upstream),
    async findPause() {
      // An instance stays ready while many clients wait for its connections.
      const gate = await deps.healthStore.findGate(upstream.id);
      if (!gate?.reason) return null;
      // The next job ends an expired pause, so nothing is wrong while no job is queued.
      return gate.pausedForMs > 0 || (await deps.healthStore.hasQueued(upstream.id)) ? gate.reason : null;
    },
    isDeaf: hearing.isDeaf,
    start() {
      // A database that is briefly unavailable is not a fault of the loop.
      const complain = (what: string) => (error: unknown) =>
        log[error instanceof UnavailableError ? 'warn' : 'error']({ err: error }, `${what} failed; retrying`);
      loops.dispatching = startLoop(async (signal) => act(await dispatcher.take(), signal), complain('dispatching'));
      loops.reconciling = startLoop(
        async (signal) => ((await reconciler.runOnce(signal)) ? 0 : reconcileMs),
        complain('reconciling'),
      );
      loops.retaining = startLoop(retention.runOnce, complain('deleting by age'));
    },
    async stop(graceMs) {
      // Otherwise the server would wait for callbacks that are waiting for the database.
      retries.stop();
      const stopped = Promise.all([loops.dispatching?.stop(), loops.reconciling?.stop(), loops.retaining?.stop()]);
      const timer = setTimeout(() => cutOff.abort(), graceMs);
      await stopped;
      await Promise.all(submits);
      clearTimeout(timer);
      watching.stop();
      following.stop();
    },
  };
}
