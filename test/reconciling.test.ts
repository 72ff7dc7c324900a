/** Reconciling and dispatching over a real store, with an upstream that the test plays word by word. */
import { v7 as uuidv7 } from 'uuid';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../src/db/client.ts';
import { createJobStore } from '../src/db/store.ts';
import { inside } from '../src/db/transaction.ts';
import { createDispatcher } from '../src/jobs/dispatch.ts';
import { UnavailableError } from '../src/jobs/errors.ts';
import { createHearing } from '../src/jobs/hearing.ts';
import { createReconciler } from '../src/jobs/reconcile.ts';
import { createReceiveCallback, createSettling } from '../src/jobs/settle.ts';
import type { Claim, SubmitEnd, TaskReport, Upstream } from '../src/jobs/upstream-port.ts';
import { asAdministrator, createDatabase } from './support/database.ts';
import { outcomes, submittingJob } from './support/life.ts';

const HOUR_MS = 3_600_000;
const { signal } = new AbortController();

async function start() {
  const url = await createDatabase();
  const connections = createConnections(url, 4, () => undefined);
  onTestFinished(() => connections.pool.end());
  const store = createJobStore(connections);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const settling = createSettling({ store, log, effects: [] });
  const play = {
    submit: (_jobId: string): Promise<SubmitEnd> => Promise.resolve({ kind: 'ambiguous', about: 'path', reason: 'reset', httpStatus: null, traceId: null }),
    lookUp: (_ids: readonly string[]): Promise<ReadonlyMap<string, TaskReport>> => Promise.resolve(new Map()),
    list: (_span: { from: Date; to: Date }): Promise<readonly TaskReport[]> => Promise.resolve([]),
  };
  const upstream: Upstream = { id: 'test', sandbox: true, submitTimeoutMs: 60_000, submit: ({ jobId }) => play.submit(jobId), lookUp: (ids) => play.lookUp(ids), list: (span) => play.list(span) };
  const admission = { maxInFlight: 100, submitsPerSecond: 1_000_000, unconfirmedSlotMs: 60_000, jobDeadlineMs: HOUR_MS };
  const dispatcher = createDispatcher({ store, urgentStore: store, upstream, settling, admission, firstPollMs: () => HOUR_MS, firstListingMs: null, log });
  const reconciler = createReconciler({ store, upstream, settling, jobDeadlineMs: HOUR_MS, queueDeadlineMs: HOUR_MS, hearing: createHearing(store, 'test', { firstMs: HOUR_MS, intervalMs: HOUR_MS }, true, log), firstListingMs: null, log });
  const receive = createReceiveCallback({ store, log, nudge: () => undefined }, settling, 'odd');
  const { input } = submittingJob();

  return {
    url,
    store,
    play,
    reconciler,
    receive: (jobId: string, claim: Partial<Claim>, bodyHash: string) => receive({ jobId, attempt: 1, claim: { taskId: null, outcome: null, odd: null, ...claim }, bodyHash, body: '' }),
    async accept() {
      const job = await store.transaction((tx) => store.insert(tx, { id: uuidv7(), accountId: 'default', upstreamId: 'test', sandbox: true, input, labels: [], idempotencyKey: null, inputHash: 'v1:' }));
      return job!.id;
    },
    /** Takes the next job through the gate and submits it; returns which one it was. */
    async submitNext() {
      await asAdministrator('update gates set paused_until = null, next_submit_at = now()', url);
      const taken = await dispatcher.take();
      if (taken.kind !== 'job') throw new Error('nothing was taken');
      await dispatcher.submit(taken.job, signal);
      return taken.job.id;
    },
    find: (id: string) => store.find('default', id),
  };
}

const reportOf = (taskId: string, jobId: string): TaskReport => ({ taskId, outcome: outcomes.success, echo: { jobId, attempt: 1 } });

describe('a look-up', () => {
  test('does not lose a callback that comes while it is under way', async () => {
    const { accept, submitNext, receive, reconciler, play, find } = await start();
    const id = await accept();
    await submitNext();
    await receive(id, { odd: 'unreadable' }, 'first');
    await receive(id, { taskId: 'decoy', outcome: outcomes.success }, 'second');
    play.lookUp = async () => {
      await receive(id, { taskId: 'real', outcome: outcomes.success }, 'third');
      play.lookUp = (ids) => Promise.resolve(new Map(ids.includes('real') ? [['real', reportOf('real', id)]] : []));
      return new Map();
    };
    await reconciler.runOnce(signal);
    expect((await find(id))!.state).toBe('UNCONFIRMED');
    await reconciler.runOnce(signal);
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', taskId: 'real' });
  });

  test('of a claimed task that fails does not keep known tasks from being settled', async () => {
    const { accept, submitNext, receive, reconciler, play, find, url } = await start();
    const [known, claimed] = [await accept(), await accept()];
    play.submit = (jobId) => Promise.resolve(jobId === known ? { kind: 'accepted', taskId: 'known', outcome: null, traceId: null } : { kind: 'ambiguous', about: 'path', reason: 'reset', httpStatus: null, traceId: null });
    await submitNext();
    await submitNext();
    await receive(claimed, { taskId: 'poison', outcome: outcomes.success }, 'first');
    await asAdministrator('update jobs set next_poll_at = now()', url);
    play.lookUp = (ids) => (ids.includes('poison') ? Promise.reject(new Error('no')) : Promise.resolve(new Map([['known', reportOf('known', known)]])));
    await reconciler.runOnce(signal);
    expect(await find(known)).toMatchObject({ state: 'SUCCEEDED' });
    expect(await find(claimed)).toMatchObject({ state: 'UNCONFIRMED' });
  });

  test('that gets no answer fails nobody at the deadline, and does not spin', async () => {
    const { accept, submitNext, reconciler, play, find, url } = await start();
    const ids: string[] = [];
    play.submit = (jobId) => Promise.resolve({ kind: 'accepted', taskId: jobId, outcome: null, traceId: null });
    for (let index = 0; index < 51; index += 1) {
      ids.push(await accept());
      await submitNext();
    }
    await asAdministrator(`update jobs set attempted_at = now() - interval '3 hours'`, url);
    play.lookUp = () => Promise.reject(new Error('an outage'));
    expect(await reconciler.runOnce(signal), 'more is due at once').toBe(false);
    expect(await find(ids[0]!)).toMatchObject({ state: 'PROCESSING' });
    play.lookUp = (asked) => Promise.resolve(new Map(asked.map((taskId) => [taskId, reportOf(taskId, taskId)])));
    while (await reconciler.runOnce(signal));
    expect(await Promise.all(ids.map(async (id) => (await find(id))!.state))).toEqual(ids.map(() => 'SUCCEEDED'));
  });

  test('that a callback asked for is not put off by the answer to the submit', async () => {
    const { accept, submitNext, receive, reconciler, play, find } = await start();
    const id = await accept();
    play.submit = async () => {
      await receive(id, { taskId: 'a', outcome: outcomes.success }, 'first');
      return { kind: 'accepted', taskId: 'a', outcome: null, traceId: null };
    };
    play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id)]]));
    await submitNext();
    expect(await find(id)).toMatchObject({ state: 'PROCESSING', taskId: 'a' });
    await reconciler.runOnce(signal);
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED' });
  });

  test('of a record that does not say whose it is judges nothing', async () => {
    const { accept, submitNext, receive, reconciler, play, store } = await start();
    const id = await accept();
    await submitNext();
    await receive(id, { taskId: 'a', outcome: outcomes.success }, 'first');
    play.lookUp = () => Promise.resolve(new Map([['a', { ...reportOf('a', id), echo: null }]]));
    await reconciler.runOnce(signal);
    expect(await store.pendingClaims([id])).toEqual([{ jobId: id, taskId: 'a' }]);
  });
});

describe('a job that shuts the gate', () => {
  const suspect: SubmitEnd = {
    kind: 'refused',
    refusal: { kind: 'blocked', reason: 'HTTP 403', failure: { code: 'UPSTREAM_REJECTED', message: 'no', upstreamCode: null, upstreamTraceId: null, charge: 'NOT_CHARGED' } },
    httpStatus: 403,
    traceId: null,
  };

  test('lets others probe it, and fails when it alone is refused', async () => {
    const { accept, submitNext, play, find } = await start();
    const [bad, good] = [await accept(), await accept()];
    play.submit = (jobId) => Promise.resolve(jobId === bad ? suspect : { kind: 'accepted', taskId: jobId, outcome: null, traceId: null });
    expect([await submitNext(), await submitNext()]).toEqual([bad, good]);
    // Being told to slow down is no suspicion.
    const refuse = play.submit;
    play.submit = () => Promise.resolve({ kind: 'refused', refusal: { kind: 'busy' }, httpStatus: 429, traceId: null });
    expect([await submitNext(), await submitNext(), await submitNext()]).toEqual([bad, bad, bad]);
    play.submit = refuse;
    expect(await find(good)).toMatchObject({ state: 'PROCESSING' });
    expect([await submitNext(), await submitNext()]).toEqual([bad, bad]);
    expect(await find(bad)).toMatchObject({ state: 'FAILED', attempt: 6, failure: { code: 'UPSTREAM_REJECTED' } });
  });
});

test('a connection that dies inside a transaction is an outage, not the end of the process', async () => {
  const { store } = await start();
  const dying = store.transaction(async (tx) => {
    await inside(tx).execute('select pg_terminate_backend(pg_backend_pid())');
  });
  await expect(dying).rejects.toBeInstanceOf(UnavailableError);
  expect(await store.hasQueued('test')).toBe(false);
});

test('a connection that dies idle inside a transaction is an outage too', async () => {
  const { store, url } = await start();
  const dying = store.transaction(async (tx) => {
    const { rows } = await inside(tx).execute<{ pid: number }>('select pg_backend_pid() as pid');
    // Waits until the backend is gone.
    await asAdministrator(`select pg_terminate_backend(${rows[0]!.pid}, 5000)`, url);
    await inside(tx).execute('select 1');
  });
  await expect(dying).rejects.toBeInstanceOf(UnavailableError);
});
