/**
 * The core on a real store, without a gateway. The test provides every answer of the upstream and decides when each
 * flow runs.
 */
import { v7 as uuidv7 } from 'uuid';
import { createConnections } from '../../src/db/connection/client.ts';
import { createJobStore } from '../../src/db/stores.ts';
import { createDispatcher } from '../../src/jobs/submit/dispatcher.ts';
import { createCallbackHealth } from '../../src/jobs/reconcile/callback-health.ts';
import type { JobStore } from '../../src/jobs/ports/store.ts';
import type { SettleEffect } from '../../src/jobs/ports/effects.ts';
import { createReconciler } from '../../src/jobs/reconcile/reconcile.ts';
import { createSettle } from '../../src/jobs/settle/settle.ts';
import { createReceiveCallback } from '../../src/jobs/settle/receive-callback.ts';
import type { Upstream } from '../../src/jobs/ports/upstream.ts';
import type { Claim, SubmitEnd, TaskReport } from '../../src/jobs/model/upstream-news.ts';
import { asAdministrator, createDatabase } from './database.ts';
import type { EmptiedDatabase } from './emptied-database.ts';
import { outcomes, submittingJob } from './life.ts';
import { onEnd } from './on-end.ts';

export const HOUR_MS = 3_600_000;
const { signal } = new AbortController();

export interface CoreOptions {
  readonly settleEffects?: readonly SettleEffect[];
  readonly maxInFlight?: number;
  readonly unconfirmedSlotMs?: number;
  readonly listing?: boolean;
  /** The database to use instead of a new one. */
  readonly database?: EmptiedDatabase;
  /** Wraps the store that the dispatcher uses, so that a test can inject faults. */
  readonly dispatchStore?: (store: JobStore) => JobStore;
}

export const accepted = (taskId: string): SubmitEnd => ({ kind: 'accepted', taskId, outcome: null, traceId: null });
export const inDoubt = (about: 'job' | 'path', taskId: string | null = null): SubmitEnd => ({
  kind: 'ambiguous',
  about,
  reason: about === 'path' ? 'reset' : 'HTTP 500, api_error',
  httpStatus: about === 'path' ? null : 500,
  traceId: null,
  taskId,
});

export const reportOf = (taskId: string, jobId: string, outcome = outcomes.success): TaskReport => ({
  taskId,
  outcome,
  echo: { jobId, attempt: 1 },
});

async function makeDatabase(): Promise<EmptiedDatabase> {
  const url = await createDatabase();
  const connections = createConnections(url, 4, () => undefined);
  onEnd(() => connections.pool.end());
  return { url, connections };
}

export async function startCore({
  settleEffects = [],
  maxInFlight = 100,
  unconfirmedSlotMs = 60_000,
  listing = false,
  database,
  dispatchStore = (store) => store,
}: CoreOptions = {}) {
  const { url, connections } = database ?? (await makeDatabase());
  const store = createJobStore(connections);
  const errors: string[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (_fields: object, message: string) => void errors.push(message),
  };
  const settle = createSettle({ store, log, effects: settleEffects });
  const play = {
    submit: (_jobId: string): Promise<SubmitEnd> => Promise.resolve(inDoubt('path')),
    lookUp: (_ids: readonly string[]): Promise<ReadonlyMap<string, TaskReport>> => Promise.resolve(new Map()),
    list: (_span: { from: Date; to: Date }): Promise<readonly TaskReport[]> => Promise.resolve([]),
  };
  const upstream: Upstream = {
    id: 'test',
    sandbox: true,
    submitTimeoutMs: 60_000,
    submit: ({ jobId }) => play.submit(jobId),
    lookUp: (ids) => play.lookUp(ids),
    list: (span) => play.list(span),
  };
  const upstreamLimits = { maxInFlight, submitsPerSecond: 1_000_000, unconfirmedSlotMs, jobDeadlineMs: HOUR_MS };
  const firstListingMs = listing ? 0 : null;
  const dispatcher = createDispatcher({
    store: dispatchStore(store),
    upstream,
    settle,
    upstreamLimits,
    firstPollMs: () => HOUR_MS,
    firstListingMs,
    log,
  });
  const callbackHealth = createCallbackHealth({
    history: store,
    upstreamId: 'test',
    pollSteps: { firstMs: HOUR_MS, intervalMs: HOUR_MS },
    expectsCallbacks: true,
    log,
  });
  const reconciler = createReconciler({
    store,
    upstream,
    settle,
    callbackHealth,
    jobDeadlineMs: HOUR_MS,
    queueDeadlineMs: HOUR_MS,
    firstListingMs,
    log,
  });
  const receive = createReceiveCallback({ store, log, nudge: () => undefined }, settle, {
    confirm: 'odd',
    retries: { run: (work) => work() },
  });
  const { input } = submittingJob();
  const sql = (text: string) => asAdministrator(text, url);

  return {
    url,
    sql,
    store,
    errors,
    play,
    dispatcher,
    reconcile: () => reconciler.runOnce(signal),
    receive: (jobId: string, claim: Partial<Claim>, bodyHash: string) =>
      receive({
        jobId,
        attempt: 1,
        claim: { taskId: null, outcome: null, odd: null, ...claim },
        bodyHash,
        body: bodyHash,
      }),
    async accept(accountId = 'default', prompt: string | null = null, idempotencyKey: string | null = null) {
      const job = await store.transaction((tx) =>
        store.insert(tx, {
          id: uuidv7(),
          accountId,
          upstreamId: 'test',
          sandbox: true,
          input: { ...input, prompt },
          labels: [],
          idempotencyKey,
          inputHash: 'v1:',
        }),
      );
      if (!job) throw new Error('the key was used before');
      return job.id;
    },
    /** Ends the pause and the rate limit of the gate, as the passage of time would. */
    passTime: () => sql('update gates set paused_until = now(), next_submit_at = now()'),
    /** Claims the next job and submits it; returns the id of the job. */
    async submitNext() {
      const claimed = await dispatcher.claimNext();
      if (claimed.kind !== 'job') throw new Error(`nothing was claimed: ${claimed.kind}`);
      await dispatcher.submit(claimed.job, signal);
      return claimed.job.id;
    },
    find: (id: string, accountId = 'default') => store.find(accountId, id),
    signal,
  };
}

/** Wraps the core so that its gate is open for each submit. Other tests cover the pauses of the gate. */
export const withOpenGate = (core: Awaited<ReturnType<typeof startCore>>) => ({
  ...core,
  async submitNext() {
    await core.sql(
      "update gates set paused_until = null, pause_reason = null, probe = null, faults = '[]', next_submit_at = now()",
    );
    return core.submitNext();
  },
});
