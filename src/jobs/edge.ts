/** What the edges of the gateway need besides the operations of clients: callbacks, warm-up, health and metrics. */
import type { RetryLimits, RetryLine } from '../concurrency/retry-queue.ts';
import type { Log } from '../log.ts';
import type { JobStore } from './ports/store.ts';
import type { Upstream } from './ports/upstream.ts';
import type { CallbackHealth } from './reconcile/callback-health.ts';
import { createRehearsal, type Rehearse } from './rehearse.ts';
import { createReceiveCallback, type ReceiveCallback, type ReceiveOptions } from './settle/receive-callback.ts';
import type { Settle, SettleDeps } from './settle/settle.ts';
import type { AccountWatch } from './watch/watch-account.ts';
import type { JobWatch } from './watch/watch-job.ts';

export interface JobEdge {
  readonly receiveCallback: ReceiveCallback;
  /** Runs through the life of a job on one of the urgent connections, then rolls it back. */
  readonly rehearse: Rehearse;
  /**
   * Returns why the gate is closed, or why only a probe may pass while jobs are queued; null if the gate holds no job
   * back.
   */
  findPause(): Promise<string | null>;
  /** Returns the number of watchers, of single jobs and of accounts. */
  watcherCount(): number;
  /** Returns true if callbacks appear not to reach the gateway. */
  callbacksMissing(): boolean;
}

export interface EdgeDeps {
  /**
   * The same store over a separate connection pool, so that submits, their answers and callbacks never queue behind
   * client requests.
   */
  readonly urgentStore: JobStore;
  /** For health checks: uses a separate connection and times out no later than the health check itself. */
  readonly healthStore: Pick<JobStore, 'findGate' | 'hasQueued'>;
  readonly upstream: Upstream;
  readonly callbacks: Pick<ReceiveOptions, 'confirm'> & { readonly retry: RetryLimits };
  readonly log: Log;
}

interface Parts {
  readonly settle: Settle;
  readonly callbackHealth: CallbackHealth;
  readonly jobWatch: JobWatch;
  readonly accountWatch: AccountWatch;
  readonly retries: RetryLine;
  readonly nudge: SettleDeps['nudge'];
}

export function createEdge(
  { urgentStore, healthStore, upstream, callbacks, log }: EdgeDeps,
  { settle, callbackHealth, jobWatch, accountWatch, retries, nudge }: Parts,
): JobEdge {
  return {
    receiveCallback: createReceiveCallback({ store: urgentStore, log, nudge }, settle, {
      confirm: callbacks.confirm,
      retries,
    }),
    rehearse: createRehearsal(urgentStore, settle, upstream),
    async findPause() {
      // An instance stays ready while many clients wait for its connections.
      const gate = await healthStore.findGate(upstream.id);
      if (!gate?.reason) return null;
      // The next job ends an expired pause, so nothing is wrong while no job is queued.
      return gate.pausedForMs > 0 || (await healthStore.hasQueued(upstream.id)) ? gate.reason : null;
    },
    watcherCount: () => jobWatch.count() + accountWatch.count(),
    callbacksMissing: callbackHealth.callbacksMissing,
  };
}
