/**
 * The same events as in `test/jobs/settle/rank.unit.test.ts`, through the real flows on a real PostgreSQL. Both must
 * end in the same state.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../../src/db/connection/client.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import { createCancel } from '../../../src/jobs/settle/cancel.ts';
import { decide } from '../../../src/jobs/settle/decide.ts';
import { createDispatcher } from '../../../src/jobs/submit/dispatcher.ts';
import { moves, permits } from '../../../src/jobs/model/job.ts';
import { createCallbackHealth } from '../../../src/jobs/reconcile/callback-health.ts';
import { createReconciler } from '../../../src/jobs/reconcile/reconcile.ts';
import { createSettle } from '../../../src/jobs/settle/settle.ts';
import type { Upstream } from '../../../src/jobs/ports/upstream.ts';
import type { SubmitEnd } from '../../../src/jobs/model/upstream-news.ts';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { evidence, live, outcomes, submittingJob, TASK_ID, type LifeEvent } from '../../support/life.ts';

const ends: Record<'accepted' | 'refused', SubmitEnd> = {
  accepted: { kind: 'accepted', taskId: TASK_ID, outcome: null, traceId: null },
  refused: { kind: 'refused', refusal: { kind: 'busy' }, httpStatus: 429, traceId: null },
};

async function startLife() {
  const url = await createDatabase();
  const connections = createConnections(url, 4, () => undefined);
  onTestFinished(() => connections.pool.end());
  const store = createJobStore(connections);
  const quiet = () => undefined;
  const log = { info: quiet, warn: quiet, error: quiet };
  const settle = createSettle({ store, log, effects: [] });
  let end: SubmitEnd = ends.accepted;
  const upstream: Upstream = {
    id: 'test',
    sandbox: true,
    submitTimeoutMs: 60_000,
    submit: () => Promise.resolve(end),
    lookUp: () => Promise.resolve(new Map()),
    list: () => Promise.resolve([]),
  };
  const upstreamLimits = {
    maxInFlight: 1_000_000,
    submitsPerSecond: 1_000_000,
    unconfirmedSlotMs: 60_000,
    jobDeadlineMs: 3_600_000,
  };
  const dispatcher = createDispatcher({
    store,
    upstream,
    settle,
    upstreamLimits,
    firstPollMs: () => 3_600_000,
    firstListingMs: null,
    log,
  });
  const reconciler = (jobDeadlineMs: number, queueDeadlineMs: number) =>
    createReconciler({
      store,
      upstream,
      settle,
      jobDeadlineMs,
      queueDeadlineMs,
      callbackHealth: createCallbackHealth({
        history: store,
        upstreamId: 'test',
        pollSteps: { firstMs: 3_600_000, intervalMs: 3_600_000 },
        expectsCallbacks: true,
        log,
      }),
      firstListingMs: null,
      log,
    });
  const [patient, impatient] = [reconciler(3_600_000, 3_600_000), reconciler(0, 0)];
  const cancel = createCancel(store, settle);
  const { signal } = new AbortController();

  /** Accepts a job and begins its first attempt. */
  async function begin() {
    await asAdministrator('delete from jobs; delete from gates', url);
    const { input } = submittingJob();
    await store.transaction((tx) =>
      store.insert(tx, {
        id: uuidv7(),
        accountId: 'default',
        upstreamId: 'test',
        sandbox: true,
        input,
        labels: [],
        idempotencyKey: null,
        inputHash: 'v1:',
      }),
    );
    const claimed = await dispatcher.claimNext();
    if (claimed.kind !== 'job') throw new Error('not claimed');
    return claimed.job;
  }

  async function happen(job: Awaited<ReturnType<typeof begin>>, event: LifeEvent): Promise<void> {
    switch (event) {
      case 'accepted':
      case 'refused':
        end = ends[event];
        return dispatcher.submit(job, signal);
      case 'leaseExpiry':
        await asAdministrator(`update jobs set lease_expires_at = now() - interval '1 minute'`, url);
        return void (await patient.runOnce(signal));
      case 'deadline':
        return void (await impatient.runOnce(signal));
      case 'success':
      case 'failure':
        return store.transaction(async (tx) => {
          const row = (await store.lock(tx, job.id))!;
          await settle.carryOut(tx, row, decide(row, { taskId: TASK_ID, outcome: outcomes[event], source: 'POLL' }));
        });
      case 'cancel':
        return void (await cancel('default', job.id));
    }
  }
  return { store, begin, happen, url };
}

test('every history of an attempt ends on PostgreSQL as the pure rules predict', { timeout: 180_000 }, async () => {
  const { store, begin, happen } = await startLife();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom<LifeEvent>(...evidence, 'cancel'), { maxLength: 8 }), async (events) => {
      const job = await begin();
      for (const event of events) await happen(job, event);
      const { state, rank, taskId } = (await store.find('default', job.id))!;
      const expected = events.reduce(live, submittingJob());
      expect({ state, rank, taskId }, events.join(', ')).toEqual({
        state: expected.state,
        rank: expected.rank,
        taskId: expected.taskId,
      });
    }),
    { numRuns: 250 },
  );
});

test(
  'the guard of the statement that writes a state matches the pure rule for every state and every move',
  { timeout: 180_000 },
  async () => {
    const { store, begin, url } = await startLife();
    const failure = outcomes.failure.kind === 'failed' ? outcomes.failure.failure : null;
    const video = outcomes.success.kind === 'succeeded' ? outcomes.success.video : null;
    const rows = [
      ['QUEUED', 0, 0],
      ['SUBMITTING', 1, 1],
      ['UNCONFIRMED', 2, 1],
      ['QUEUED', 3, 1],
      ['SUBMITTING', 4, 2],
      ['UNCONFIRMED', 5, 2],
      ['PROCESSING', 1000, 1],
      ['FAILED', 1001, 1],
      ['FAILED', 1002, 1],
      ['SUCCEEDED', 1003, 1],
      ['CANCELED', 1004, 1],
    ] as const;
    const [ours, theirs] = [randomUUID(), randomUUID()];
    const all = [1, 2]
      .flatMap((n) => [moves.submit(n), moves.doubt(n), moves.requeue(n, ours), moves.requeue(n, theirs)])
      .concat(moves.process, moves.expire, moves.fail, moves.succeed, moves.cancel);
    const { id } = await begin();
    for (const [state, rank, attempt] of rows) {
      for (const move of all) {
        await asAdministrator(
          `update jobs set state = '${state}', rank = ${rank}, attempt = ${attempt}, lease_token = '${ours}', failure_code = ${state === 'FAILED' ? `'TIMED_OUT'` : 'null'}, result_url = ${state === 'SUCCEEDED' ? `'http://a'` : 'null'}`,
          url,
        );
        const patch = { failure: move.to === 'FAILED' ? failure : null, video: move.to === 'SUCCEEDED' ? video : null };
        const moved = await store.transaction((tx) => store.writeMove(tx, id, move, patch));
        expect(moved !== null, `${state} ${rank} ${attempt} -> ${move.to} ${move.rank}`).toBe(
          permits({ state, rank, attempt, leaseToken: ours }, move),
        );
      }
    }
  },
);

test('three concurrent occurrences of one event change the job once', { timeout: 180_000 }, async () => {
  const { store, begin, happen } = await startLife();
  for (const event of [...evidence, 'cancel'] as const) {
    const once = await begin();
    await happen(once, event);
    const expected = (await store.find('default', once.id))!;
    const twice = await begin();
    await Promise.all([happen(twice, event), happen(twice, event), happen(twice, event)]);
    const { version, state } = (await store.find('default', twice.id))!;
    expect({ version, state }, event).toEqual({ version: expected.version, state: expected.state });
  }
});
