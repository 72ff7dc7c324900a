/**
 * Reconciles jobs: handles expired leases, looks up jobs whose result has not arrived, and enforces deadlines. Any
 * number of instances may do so at the same time.
 */
import { createFailOverdue } from './deadlines.ts';
import type { CallbackHealth } from './callback-health.ts';
import { moves } from '../model/job.ts';
import { createLookUps } from './look-up.ts';
import { createPolling } from './poll.ts';
import type { JobStore } from '../ports/store.ts';
import type { Log } from '../../log.ts';
import type { Settle } from '../settle/settle.ts';
import { eventOf } from '../model/job-event.ts';
import type { Upstream } from '../ports/upstream.ts';
import { createWorkAttempts } from './work-attempts.ts';

export interface ReconcileDeps {
  readonly store: JobStore;
  readonly upstream: Upstream;
  readonly settle: Settle;
  readonly callbackHealth: CallbackHealth;
  readonly jobDeadlineMs: number;
  readonly queueDeadlineMs: number;
  /** Delay until a job in doubt is first searched for by listing; null if listing is disabled. */
  readonly firstListingMs: number | null;
  readonly log: Log;
}

export interface Reconciler {
  /**
   * Runs one round of each duty. A duty that fails does not prevent the others from running. Resolves with true if a
   * full batch was found, so that more may be due at once.
   */
  runOnce(signal: AbortSignal): Promise<boolean>;
}

const BATCH = 50;

export function createReconciler({
  store,
  upstream,
  settle,
  callbackHealth,
  jobDeadlineMs,
  queueDeadlineMs,
  firstListingMs,
  log,
}: ReconcileDeps): Reconciler {
  const listing = firstListingMs !== null;
  const lookUps = createLookUps(upstream, log);
  const attempts = createWorkAttempts(store);
  const polling = createPolling({
    store,
    upstreamId: upstream.id,
    settle,
    lookUps,
    listing,
    attempts,
    pollSteps: callbackHealth.steps,
    log,
  });
  const failOverdue = createFailOverdue({
    store,
    upstream,
    settle,
    polling,
    lookUps,
    jobDeadlineMs,
    queueDeadlineMs,
    listing,
    attempts,
    log,
  });

  async function doubtExpiredLeases(): Promise<boolean> {
    const jobs = await store.expiredLeases(upstream.id, BATCH);
    for (const job of jobs) {
      const doubted = await store
        .transaction(async (tx) => {
          const row = await settle.advance(tx, job.id, moves.doubt(job.attempt), {});
          if (row) await store.note(tx, job.id, eventOf(row, 'LEASE_EXPIRED', { attempt: job.attempt }));
          if (row && firstListingMs !== null) await store.pollWithin(tx, job.id, firstListingMs);
          return row;
        })
        .catch(
          (error: unknown) => void log.error({ jobId: job.id, err: error }, 'a job could not be marked as unconfirmed'),
        );
      if (doubted)
        log.warn({ jobId: job.id, attempt: job.attempt }, 'a lease expired; the result of its submit is not known');
    }
    return jobs.length === BATCH;
  }

  // The keys are logged as `duty`. Deadlines run after polls: a job that a look-up can still settle must not fail.
  const duties = {
    attempts: async () => (await attempts.forgetEnded(), false),
    leases: doubtExpiredLeases,
    polls: polling.poll,
    deadlines: failOverdue,
    hearing: async () => (await callbackHealth.check(), false),
  };

  return {
    async runOnce(signal) {
      let more = false;
      for (const [duty, work] of Object.entries(duties)) {
        const found = await work(signal).catch((error: unknown) => {
          if (!signal.aborted) log.warn({ err: error, duty }, 'reconciling failed; retrying');
          return false;
        });
        more ||= found;
      }
      return more;
    },
  };
}
