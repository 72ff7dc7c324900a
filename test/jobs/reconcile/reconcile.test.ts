/** Reconciliation and dispatch over a real store, with an upstream whose answers the test controls. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { inside } from '../../../src/db/connection/transaction.ts';
import type { SubmitEnd } from '../../../src/jobs/model/upstream-news.ts';
import { accepted, HOUR_MS, inDoubt, reportOf, startCore, withOpenGate, type CoreOptions } from '../../support/core.ts';
import { asAdministrator } from '../../support/database.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { outcomes } from '../../support/life.ts';
import { UnavailableError } from '../../../src/errors.ts';

const emptied = emptiedDatabase();

const start = async (options: CoreOptions = {}) =>
  withOpenGate(await startCore({ database: await emptied(), ...options }));

describe('a look-up', () => {
  test('does not lose a callback that arrives while it is in progress', async () => {
    const { accept, submitNext, receive, reconcile, play, find } = await start();
    const id = await accept();
    await submitNext();
    await receive(id, { odd: 'unreadable' }, 'first');
    await receive(id, { taskId: 'decoy', outcome: outcomes.success }, 'second');
    play.lookUp = async () => {
      await receive(id, { taskId: 'real', outcome: outcomes.success }, 'third');
      play.lookUp = (ids) => Promise.resolve(new Map(ids.includes('real') ? [['real', reportOf('real', id)]] : []));
      return new Map();
    };
    await reconcile();
    expect((await find(id))!.state).toBe('UNCONFIRMED');
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', taskId: 'real' });
  });

  test('of a claimed task that fails does not prevent known tasks from being settled', async () => {
    const { accept, submitNext, receive, reconcile, play, find, url } = await start();
    const [known, claimed] = [await accept(), await accept()];
    play.submit = (jobId) => Promise.resolve(jobId === known ? accepted('known') : inDoubt('path'));
    await submitNext();
    await submitNext();
    await receive(claimed, { taskId: 'poison', outcome: outcomes.success }, 'first');
    await asAdministrator('update jobs set next_poll_at = now()', url);
    play.lookUp = (ids) =>
      ids.includes('poison')
        ? Promise.reject(new Error('no'))
        : Promise.resolve(new Map([['known', reportOf('known', known)]]));
    await reconcile();
    expect(await find(known)).toMatchObject({ state: 'SUCCEEDED' });
    expect(await find(claimed)).toMatchObject({ state: 'UNCONFIRMED' });
  });

  test('that gets no answer fails no job at the deadline, and does not cause a busy loop', async () => {
    const { accept, submitNext, reconcile, play, find, url } = await start();
    const ids: string[] = [];
    play.submit = (jobId) => Promise.resolve(accepted(jobId));
    for (let index = 0; index < 51; index += 1) {
      ids.push(await accept());
      await submitNext();
    }
    await asAdministrator(`update jobs set attempted_at = now() - interval '3 hours'`, url);
    play.lookUp = () => Promise.reject(new Error('an outage'));
    expect(await reconcile(), 'nothing more is due at once').toBe(false);
    expect(await find(ids[0]!)).toMatchObject({ state: 'PROCESSING' });
    const asked: number[] = [];
    play.lookUp = (taskIds) => {
      asked.push(taskIds.length);
      return Promise.resolve(new Map(taskIds.map((taskId) => [taskId, reportOf(taskId, taskId)])));
    };
    while (await reconcile());
    expect(Math.max(...asked), 'tasks in one look-up').toBe(50);
    expect(await Promise.all(ids.map(async (id) => (await find(id))!.state))).toEqual(ids.map(() => 'SUCCEEDED'));
  });

  test('that gets no answer for five minutes lets the deadline end the job', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    // Uses its own connections, which have only known the fake clock.
    const { accept, submitNext, reconcile, play, find, sql } = await startCore();
    play.submit = (jobId) => Promise.resolve(accepted(jobId));
    play.lookUp = () => Promise.reject(new Error('an outage'));
    const id = await accept();
    await submitNext();
    await sql(`update jobs set attempted_at = now() - interval '3 hours'`);
    await reconcile();
    vi.advanceTimersByTime(299_000);
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'PROCESSING' });
    vi.advanceTimersByTime(1_001);
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'FAILED', failure: { code: 'TIMED_OUT' } });
  });

  test('that a callback requested is not postponed by the answer to the submit', async () => {
    const { accept, submitNext, receive, reconcile, play, find } = await start();
    const id = await accept();
    play.submit = async () => {
      await receive(id, { taskId: 'a', outcome: outcomes.success }, 'first');
      return accepted('a');
    };
    play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id)]]));
    await submitNext();
    expect(await find(id)).toMatchObject({ state: 'PROCESSING', taskId: 'a' });
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED' });
  });

  test('of a record that does not identify its job decides nothing', async () => {
    const { accept, submitNext, receive, reconcile, play, store } = await start();
    const id = await accept();
    await submitNext();
    await receive(id, { taskId: 'a', outcome: outcomes.success }, 'first');
    play.lookUp = () => Promise.resolve(new Map([['a', { ...reportOf('a', id), echo: null }]]));
    await reconcile();
    expect(await store.pendingClaims([id])).toEqual([{ jobId: id, taskId: 'a' }]);
  });
});

test('a task whose record shows that it was created for another job does not settle the job whose submit returned it', async () => {
  const { accept, submitNext, play, reconcile, find, sql, errors } = await start();
  const [id, other] = [await accept(), await accept()];
  play.submit = () => Promise.resolve(accepted('a'));
  await submitNext();
  play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', other)]]));
  await sql('update jobs set next_poll_at = now() where next_poll_at is not null');
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'PROCESSING' });
  expect(errors).toEqual(['the task of a job was created for another job']);
  await sql(`update jobs set attempted_at = now() - interval '2 hours' where id = '${id}'`);
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'FAILED', failure: { code: 'TIMED_OUT' } });
});

describe('a job that shuts the gate', () => {
  const suspect: SubmitEnd = {
    kind: 'refused',
    refusal: {
      kind: 'blocked',
      reason: 'HTTP 403',
      failure: {
        code: 'UPSTREAM_REJECTED',
        message: 'no',
        upstreamCode: null,
        upstreamTraceId: null,
        charge: 'NOT_CHARGED',
      },
    },
    httpStatus: 403,
    traceId: null,
  };

  test('lets other jobs probe the gate, and fails if it alone is refused', async () => {
    const { accept, passTime, play, find, ...core } = await startCore({ database: await emptied() });
    const submitNext = async () => (await passTime(), core.submitNext());
    const [bad, good] = [await accept(), await accept()];
    play.submit = (jobId) => Promise.resolve(jobId === bad ? suspect : accepted(jobId));
    expect([await submitNext(), await submitNext()]).toEqual([bad, good]);
    // A rate limit raises no suspicion.
    const refuse = play.submit;
    play.submit = () => Promise.resolve({ kind: 'refused', refusal: { kind: 'busy' }, httpStatus: 429, traceId: null });
    expect([await submitNext(), await submitNext(), await submitNext()]).toEqual([bad, bad, bad]);
    play.submit = refuse;
    expect(await find(good)).toMatchObject({ state: 'PROCESSING' });
    expect([await submitNext(), await submitNext()]).toEqual([bad, bad]);
    expect(await find(bad)).toMatchObject({ state: 'FAILED', attempt: 6, failure: { code: 'UPSTREAM_REJECTED' } });
  });
});

test('a connection that is lost inside a transaction is an outage and does not end the process', async () => {
  const { store } = await startCore();
  const dying = store.transaction(async (tx) => {
    await inside(tx).execute('select pg_terminate_backend(pg_backend_pid())');
  });
  await expect(dying).rejects.toBeInstanceOf(UnavailableError);
  expect(await store.hasQueued('test')).toBe(false);
});

test('a connection that is lost while idle inside a transaction is an outage too', async () => {
  const { store, url } = await startCore();
  const dying = store.transaction(async (tx) => {
    const { rows } = await inside(tx).execute<{ pid: number }>('select pg_backend_pid() as pid');
    // Waits until the backend has exited.
    await asAdministrator(`select pg_terminate_backend(${rows[0]!.pid}, 5000)`, url);
    await inside(tx).execute('select 1');
  });
  await expect(dying).rejects.toBeInstanceOf(UnavailableError);
});

describe('a job', () => {
  test('keeps at most 100 different callback bodies, and looks up at most 10 claims at once', async () => {
    const { accept, submitNext, receive, reconcile, play, sql } = await start();
    const id = await accept();
    await submitNext();
    for (let index = 0; index < 110; index += 1)
      await receive(id, { taskId: `claim-${index}`, outcome: outcomes.success }, `body-${index}`);
    expect(await sql('select count(*)::int as count from callbacks')).toEqual([{ count: 100 }]);
    const asked: number[] = [];
    play.lookUp = (ids) => {
      asked.push(ids.length);
      return Promise.resolve(new Map());
    };
    await reconcile();
    expect(asked).toEqual([0, 10].filter((count) => count > 0));
  });

  test('is polled even if the look-up of a claim fails', async () => {
    const { accept, submitNext, receive, reconcile, play, find } = await start();
    const id = await accept();
    play.submit = () => Promise.resolve(accepted('own'));
    await submitNext();
    await receive(id, { taskId: 'poison', outcome: outcomes.failure }, 'first');
    play.lookUp = (ids) =>
      ids.includes('poison')
        ? Promise.reject(new Error('no'))
        : Promise.resolve(new Map([['own', reportOf('own', id)]]));
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', taskId: 'own' });
  });

  test('is polled for a fresh link one day before its link expires, and not again if the link stays the same', async () => {
    const { accept, submitNext, play, reconcile, find, sql } = await start();
    const id = await accept();
    const video =
      outcomes.success.kind === 'succeeded'
        ? { ...outcomes.success.video, urlExpiresAt: new Date(Date.now() + 30 * 24 * HOUR_MS) }
        : null;
    play.submit = () =>
      Promise.resolve({ ...accepted('a'), outcome: { kind: 'succeeded', video: video! } } as SubmitEnd);
    await submitNext();
    expect(await sql(`select round(extract(epoch from next_poll_at - now()) / 86400)::int as days from jobs`)).toEqual([
      { days: 29 },
    ]);

    await sql('update jobs set next_poll_at = now()');
    const fresh = {
      ...video!,
      url: 'https://cdn.example.com/a.mp4?sign=new',
      urlExpiresAt: new Date(Date.now() + 60 * 24 * HOUR_MS),
    };
    play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id, { kind: 'succeeded', video: fresh })]]));
    const before = (await find(id))!;
    await reconcile();
    expect(await find(id)).toMatchObject({
      state: 'SUCCEEDED',
      version: before.version + 1,
      video: { url: fresh.url },
    });
    expect(await sql(`select round(extract(epoch from next_poll_at - now()) / 86400)::int as days from jobs`)).toEqual([
      { days: 59 },
    ]);

    // The upstream returns the same link again, so no further poll is scheduled.
    await sql('update jobs set next_poll_at = now()');
    await reconcile();
    expect(await sql('select next_poll_at from jobs')).toEqual([{ next_poll_at: null }]);
  });
});
