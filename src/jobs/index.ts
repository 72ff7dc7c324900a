/** The core: accepting, submitting, settling, watching and reconciling jobs, over the ports that it declares. */
import { createAccept, type Accept } from './accept.ts';
import { createCancel, type Cancel } from './cancel.ts';
import { createDispatcher, type Admission } from './dispatch.ts';
import { JobNotFoundError } from './errors.ts';
import { createListJobs, isJobId, type ListJobs } from './list.ts';
import type { Job } from './job.ts';
import { startLoop } from './loop.ts';
import type { PollSteps } from './poll-schedule.ts';
import type { AcceptEffect, Feed, JobStore, Log, SettleEffect } from './ports.ts';
import { createReconciler } from './reconcile.ts';
import { createReceiveCallback, createSettling, type ReceiveCallback } from './settle.ts';
import type { Upstream } from './upstream-port.ts';
import { createWatching, type Watching } from './watch.ts';

export interface JobsDeps {
  readonly store: JobStore;
  /** The same store over connections of their own, so that callbacks never wait behind clients. */
  readonly callbackStore: JobStore;
  readonly feed: Feed;
  readonly upstream: Upstream;
  readonly log: Log;
  readonly admission: Admission;
  readonly pollSteps: PollSteps;
  readonly queueDeadlineMs: number;
  readonly callbackConfirm: 'odd' | 'always';
  readonly acceptEffects: readonly AcceptEffect[];
  readonly settleEffects: readonly SettleEffect[];
}

export interface Jobs {
  readonly accept: Accept;
  readonly cancel: Cancel;
  /** Null for unknown and for somebody else's. */
  find(accountId: string, jobId: string): Promise<Job | null>;
  readonly list: ListJobs;
  readonly watch: Watching['watch'];
  readonly watcherCount: Watching['count'];
  readonly receiveCallback: ReceiveCallback;
  /** Why nothing is submitted at the moment; null when the gate is open. */
  findPause(): Promise<string | null>;
  /** Begins to submit and to reconcile. */
  start(): void;
  /** Takes no more jobs, and lets submits under way finish for up to `graceMs`; after that they are cut off and become UNCONFIRMED. */
  stop(graceMs: number): Promise<void>;
}

/** Reconciling looks for due work this often, or more often when polls come closer together than that. */
const RECONCILE_MS = 1_000;

export function createJobs(deps: JobsDeps): Jobs {
  const { store, feed, upstream, log, pollSteps } = deps;
  const { jobDeadlineMs } = deps.admission;
  const settling = createSettling({ store, log, effects: deps.settleEffects });
  const watching = createWatching(store, feed, log);
  const dispatcher = createDispatcher({ store, upstream, settling, admission: deps.admission, firstPollMs: pollSteps.firstMs, log });
  const reconciler = createReconciler({ store, upstream, settling, jobDeadlineMs, queueDeadlineMs: deps.queueDeadlineMs, pollSteps, log });

  const cancel = createCancel(store, settling);

  const cutOff = new AbortController();
  const submits = new Set<Promise<void>>();
  const loops: ReturnType<typeof startLoop>[] = [];
  const nudge = (): void => loops.forEach((loop) => loop.nudge());
  const reconcileMs = Math.min(RECONCILE_MS, pollSteps.firstMs, pollSteps.intervalMs);

  async function dispatchStep(): Promise<number> {
    const taken = await dispatcher.take();
    if (!('job' in taken)) return taken.waitMs;
    const submit = dispatcher
      .submit(taken.job, cutOff.signal)
      .catch((error: unknown) => log.error({ jobId: taken.job.id, err: error }, 'the end of a submit could not be recorded'))
      .finally(() => {
        submits.delete(submit);
        nudge();
      });
    submits.add(submit);
    return 0;
  }

  return {
    accept: createAccept({ store, upstream, effects: deps.acceptEffects, nudge }),
    cancel: async (accountId, jobId) => (isJobId(jobId) ? cancel(accountId, jobId) : { kind: 'notFound' }),
    find: async (accountId, jobId) => (isJobId(jobId) ? store.find(accountId, jobId) : null),
    list: createListJobs(store),
    async watch(accountId, jobId, afterVersion) {
      if (!isJobId(jobId)) throw new JobNotFoundError();
      return watching.watch(accountId, jobId, afterVersion);
    },
    watcherCount: watching.count,
    receiveCallback: createReceiveCallback({ store: deps.callbackStore, log, nudge }, settling, deps.callbackConfirm),
    async findPause() {
      const gate = await store.findGate(upstream.id);
      return gate?.reason ?? null;
    },
    start() {
      const complain = (what: string) => (error: unknown) => log.error({ err: error }, `${what} failed; it goes on`);
      loops.push(
        startLoop(dispatchStep, complain('dispatching')),
        startLoop(async (signal) => ((await reconciler.runOnce(signal)) ? 0 : reconcileMs), complain('reconciling')),
      );
    },
    async stop(graceMs) {
      const stopped = Promise.all(loops.map((loop) => loop.stop()));
      const timer = setTimeout(() => cutOff.abort(), graceMs);
      await stopped;
      await Promise.all(submits);
      clearTimeout(timer);
      watching.stop();
    },
  };
}
