/** The core: accepting, submitting, settling, watching and reconciling jobs, over the ports that it declares. */
import { createAccept, type Accept } from './accept.ts';
import { createCancel, type Cancel } from './cancel.ts';
import { createDispatcher, type Admission } from './dispatch.ts';
import { JobNotFoundError } from './errors.ts';
import { createListJobs, toJobId, type ListJobs } from './list.ts';
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
  /** The same store over connections of their own, so that callbacks and submit answers never wait behind clients. */
  readonly urgentStore: JobStore;
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
  /** Why the gate lets nothing pass at the moment; null when it is open. */
  findPause(): Promise<string | null>;
  /** Begins to submit and to reconcile. */
  start(): void;
  /** Takes no more jobs, and lets submits under way finish for up to `graceMs`; after that they are cut off: what may have arrived becomes UNCONFIRMED. */
  stop(graceMs: number): Promise<void>;
}

/** Reconciling looks for due work this often, or more often when polls come closer together than that. */
const RECONCILE_MS = 1_000;

export function createJobs(deps: JobsDeps): Jobs {
  const { store, feed, upstream, log, pollSteps } = deps;
  const { jobDeadlineMs } = deps.admission;
  const settling = createSettling({ store, log, effects: deps.settleEffects });
  const watching = createWatching(store, feed, log);
  const dispatcher = createDispatcher({ store, urgentStore: deps.urgentStore, upstream, settling, admission: deps.admission, firstPollMs: pollSteps.firstMs, log });
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
    cancel: async (accountId, id) => {
      const jobId = toJobId(id);
      return jobId === null ? { kind: 'notFound' } : cancel(accountId, jobId);
    },
    find: async (accountId, id) => {
      const jobId = toJobId(id);
      return jobId === null ? null : store.find(accountId, jobId);
    },
    list: createListJobs(store),
    async watch(accountId, id, afterVersion) {
      const jobId = toJobId(id);
      if (jobId === null) throw new JobNotFoundError();
      return watching.watch(accountId, jobId, afterVersion);
    },
    watcherCount: watching.count,
    receiveCallback: createReceiveCallback({ store: deps.urgentStore, log, nudge }, settling, deps.callbackConfirm),
    async findPause() {
      const gate = await store.findGate(upstream.id);
      return gate && gate.pausedForMs > 0 ? gate.reason : null;
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
