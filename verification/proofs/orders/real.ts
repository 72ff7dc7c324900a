/** Applies the same events through the real flows, on a real PostgreSQL. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { closePool, createConnections } from '../../../src/db/connection/client.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import { createCancel } from '../../../src/jobs/settle/cancel.ts';
import { decide } from '../../../src/jobs/settle/decide.ts';
import { createDispatcher } from '../../../src/jobs/submit/dispatcher.ts';
import { createCallbackHealth } from '../../../src/jobs/reconcile/callback-health.ts';
import type { Job } from '../../../src/jobs/model/job.ts';
import { createReconciler } from '../../../src/jobs/reconcile/reconcile.ts';
import { createSettle } from '../../../src/jobs/settle/settle.ts';
import { createReceiveCallback } from '../../../src/jobs/settle/receive-callback.ts';
import type { Upstream } from '../../../src/jobs/ports/upstream.ts';
import type { SubmitEnd, TaskReport } from '../../../src/jobs/model/upstream-news.ts';
import { outcomes, submittingJob, TASK_ID } from '../../../test/support/life.ts';
import { claimOf, endOf, MAX_BEGUN, OTHER_TASK_ID, outcomeOf, type LifeEvent, type Truth } from './events.ts';
import { hashOf } from './model.ts';

export interface RealLife {
  /** Runs a new job through the events. Resolves with the job afterwards. */
  live(events: readonly LifeEvent[], truth: Truth): Promise<Job>;
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const never = { firstMs: HOUR_MS, intervalMs: HOUR_MS };
const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const { signal } = new AbortController();

/** `url` refers to a migrated database of its own, which is emptied. */
export async function startRealLife(url: string): Promise<RealLife> {
  const connections = createConnections(url, 4, quiet);
  const administrator = new pg.Client({ connectionString: url });
  await administrator.connect();
  const store = createJobStore(connections);
  const settle = createSettle({ store, log, effects: [] });
  const play = {
    end: endOf('accepted'),
    reports: new Map<string, TaskReport>(),
    lookUp: (ids: readonly string[]) =>
      Promise.resolve(
        new Map(ids.flatMap((id) => (play.reports.has(id) ? [[id, play.reports.get(id)!] as const] : []))),
      ),
    list: () => Promise.resolve([...play.reports.values()]),
  } as { end: SubmitEnd; reports: Map<string, TaskReport>; lookUp: Upstream['lookUp']; list: Upstream['list'] };
  const upstream: Upstream = {
    id: 'test',
    sandbox: true,
    submitTimeoutMs: 60_000,
    submit: () => Promise.resolve(play.end),
    lookUp: (...args) => play.lookUp(...args),
    list: (...args) => play.list(...args),
  };
  const upstreamLimits = {
    maxInFlight: 1_000_000,
    submitsPerSecond: 1_000_000,
    unconfirmedSlotMs: 60_000,
    jobDeadlineMs: HOUR_MS,
  };
  const dispatcher = createDispatcher({
    store,
    upstream,
    settle,
    upstreamLimits,
    firstPollMs: () => HOUR_MS,
    firstListingMs: null,
    log,
  });
  const reconciler = (deadlineMs: number, firstListingMs: number | null) =>
    createReconciler({
      store,
      upstream,
      settle,
      jobDeadlineMs: deadlineMs,
      queueDeadlineMs: deadlineMs,
      callbackHealth: createCallbackHealth({
        history: store,
        upstreamId: 'test',
        pollSteps: never,
        expectsCallbacks: true,
        log,
      }),
      firstListingMs,
      log,
    });
  const [patient, impatient, asking] = [reconciler(HOUR_MS, null), reconciler(0, null), reconciler(HOUR_MS, HOUR_MS)];
  const cancel = createCancel(store, settle);
  const receive = createReceiveCallback({ store, log, nudge: quiet }, settle, {
    confirm: 'odd',
    retries: { run: (work) => work() },
  });

  /** Takes the job through the gate, which is reset first and is therefore open. */
  async function begin(): Promise<Job | null> {
    await administrator.query('delete from gates');
    const claimed = await dispatcher.claimNext();
    if (claimed.kind === 'unsure' || claimed.kind === 'probe')
      throw new Error(`the database did not answer: ${claimed.kind}`);
    return claimed.kind === 'job' ? claimed.job : null;
  }

  /** Tries once. The gateway retries for as long as its commit may still take effect. */
  async function retract(job: Job): Promise<void> {
    const once = new AbortController();
    const retracting = dispatcher.retract(job, once.signal);
    once.abort();
    await retracting;
  }

  async function askUpstream(jobId: string, truth: Truth): Promise<void> {
    await administrator.query('update jobs set next_poll_at = now()');
    play.reports.set(OTHER_TASK_ID, { taskId: OTHER_TASK_ID, outcome: outcomes.success, echo: 'other' });
    if (truth !== 'none')
      play.reports.set(TASK_ID, { taskId: TASK_ID, outcome: outcomeOf(truth), echo: { jobId, attempt: 1 } });
    await asking.runOnce(signal);
    play.reports.clear();
  }

  async function happen(attempts: Job[], event: LifeEvent, truth: Truth): Promise<unknown> {
    const { id } = attempts[0]!;
    switch (event.kind) {
      case 'end': {
        const job = attempts[event.attempt - 1];
        if (!job) return;
        if (event.end === 'retracted') return retract(job);
        play.end = endOf(event.end);
        return dispatcher.submit(job, signal);
      }
      case 'begin': {
        const job = attempts.length < MAX_BEGUN ? await begin() : null;
        if (job) attempts.push(job);
        return;
      }
      case 'leaseExpiry':
        await administrator.query(`update jobs set lease_expires_at = now() - interval '1 minute'`);
        return patient.runOnce(signal);
      case 'claim':
        return receive({ jobId: id, attempt: 1, claim: claimOf(event.claim), bodyHash: hashOf(event), body: '' });
      case 'round':
        return askUpstream(id, truth);
      case 'heard':
        return store.transaction(async (tx) => {
          const row = (await store.lock(tx, id))!;
          await settle.carryOut(
            tx,
            row,
            decide(row, { taskId: TASK_ID, outcome: outcomes[event.outcome], source: 'POLL' }),
          );
        });
      case 'deadline':
        return impatient.runOnce(signal);
      case 'cancel':
        return cancel('default', id);
    }
  }

  return {
    async live(events, truth) {
      await administrator.query('delete from jobs');
      await store.transaction((tx) =>
        store.insert(tx, {
          id: uuidv7(),
          accountId: 'default',
          upstreamId: 'test',
          sandbox: true,
          input: submittingJob().input,
          labels: [],
          idempotencyKey: randomUUID(),
          inputHash: 'v1:',
        }),
      );
      const first = await begin();
      if (!first) throw new Error('the job was not claimed');
      const attempts = [first];
      for (const event of events) await happen(attempts, event, truth);
      return (await store.find('default', first.id))!;
    },
    async stop() {
      await closePool(connections);
      await administrator.end();
    },
  };
}
