/** Work on news about a job: it is given up if it crashes every time, but not if the database goes away. */
import { EventEmitter, once } from 'node:events';
import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../../src/db/connection/client.ts';
import { inside } from '../../../src/db/connection/transaction.ts';
import { accepted, reportOf, startCore, withOpenGate, type CoreOptions } from '../../support/core.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { outcomes } from '../../support/life.ts';

const emptied = emptiedDatabase();

const start = async (options: CoreOptions = {}) =>
  withOpenGate(await startCore({ database: await emptied(), ...options }));

/** Holds the lock of a job's row until it is released. */
function lockRow(pool: Pool, jobId: string): { readonly until: Promise<unknown>; release(): void } {
  const releasing = new EventEmitter();
  const hold = async (): Promise<void> => {
    const client = await pool.connect();
    await client.query('begin');
    await client.query('select 1 from jobs where id = $1 for update', [jobId]);
    await once(releasing, 'release');
    await client.query('rollback');
    client.release();
  };
  return { until: hold(), release: () => void releasing.emit('release') };
}

describe('work on news about a job', () => {
  const crashesAtSuccess: CoreOptions = {
    settleEffects: [
      (_tx, job) => {
        if (job.state === 'SUCCEEDED') throw new Error('a bug');
        return Promise.resolve();
      },
    ],
  };

  test('that crashes on every look-up result is started three times; the job then waits for its deadline, which ends it', async () => {
    const { accept, submitNext, play, reconcile, find, sql, errors } = await start(crashesAtSuccess);
    const id = await accept();
    play.submit = () => Promise.resolve(accepted('a'));
    await submitNext();
    let lookUps = 0;
    play.lookUp = () => {
      lookUps += 1;
      return Promise.resolve(new Map([['a', reportOf('a', id)]]));
    };
    for (let round = 0; round < 6; round += 1) {
      await sql('update jobs set next_poll_at = now() where next_poll_at is not null');
      await reconcile();
    }
    expect(lookUps).toBe(4);
    expect(errors).toContain('processing a job failed repeatedly; the job now waits for its deadline');
    expect(await find(id)).toMatchObject({ state: 'PROCESSING' });
    await sql(`update jobs set attempted_at = now() - interval '2 hours'`);
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'FAILED', failure: { code: 'TIMED_OUT' } });
  });

  test('that fails because the database goes away is started again until it succeeds', async () => {
    let outages = 6;
    const { accept, submitNext, play, reconcile, find, sql, errors } = await start({
      settleEffects: [
        async (tx, job) => {
          if (job.state === 'SUCCEEDED' && outages-- > 0)
            await inside(tx).execute('select pg_terminate_backend(pg_backend_pid())');
        },
      ],
    });
    const id = await accept();
    play.submit = () => Promise.resolve(accepted('a'));
    await submitNext();
    play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id)]]));
    for (let round = 0; round < 7; round += 1) {
      expect(await find(id)).toMatchObject({ state: 'PROCESSING' });
      await sql('update jobs set next_poll_at = now() where next_poll_at is not null');
      await reconcile();
    }
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED' });
    expect(errors).toEqual(Array.from({ length: 6 }, () => 'a job could not be polled'));
  });

  test('that fails because the database goes away is not counted, even if that can be recorded only later', async () => {
    const { url, connections } = await emptied();
    const impatient = createConnections(url, 4, () => undefined, { statementTimeoutMs: 300 });
    onTestFinished(() => impatient.pool.end());
    let outages = 6;
    const locks: { readonly until: Promise<unknown>; release(): void }[] = [];
    const core: Awaited<ReturnType<typeof start>> = await start({
      database: { url, connections: impatient },
      settleEffects: [
        async (tx, job) => {
          if (job.state !== 'SUCCEEDED' || outages-- <= 0) return;
          // Gets the lock as soon as this transaction loses it, before the statement that would subtract the attempt.
          locks.push(lockRow(connections.pool, job.id));
          await expect
            .poll(() =>
              core.sql(
                `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
              ),
            )
            .toHaveLength(1);
          await inside(tx).execute('select pg_terminate_backend(pg_backend_pid())');
        },
      ],
    });
    const id = await core.accept();
    core.play.submit = () => Promise.resolve(accepted('a'));
    await core.submitNext();
    core.play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id)]]));
    for (let round = 0; round < 7; round += 1) {
      await core.sql('update jobs set next_poll_at = now() where next_poll_at is not null');
      await core.reconcile();
      locks.at(-1)?.release();
      await locks.at(-1)?.until;
    }
    expect(await core.find(id)).toMatchObject({ state: 'SUCCEEDED' });
  });

  test('is no longer counted once it completes', async () => {
    const { accept, submitNext, play, reconcile, sql } = await start();
    await accept();
    play.submit = () => Promise.resolve(accepted('a'));
    await submitNext();
    for (let round = 0; round < 5; round += 1) {
      await sql('update jobs set next_poll_at = now()');
      await reconcile();
    }
    expect(await sql('select work_attempts as count, next_poll_at is null as set_aside from jobs')).toEqual([
      { count: 0, set_aside: false },
    ]);
  });

  test('that crashes on a callback leaves its body in the inbox, answers the callback, and schedules a look-up', async () => {
    const { accept, submitNext, play, receive, store, sql, errors } = await start(crashesAtSuccess);
    const id = await accept();
    play.submit = () => Promise.resolve(accepted('a'));
    await submitNext();
    expect(await receive(id, { taskId: 'a', outcome: outcomes.success }, 'a body')).toBe(true);
    expect(await sql('select body, verdict from callbacks')).toEqual([{ body: 'a body', verdict: 'SET_ASIDE' }]);
    expect(await sql('select next_poll_at <= now() as due from jobs')).toEqual([{ due: true }]);
    expect(errors).toEqual(['a callback could not be processed and is set aside']);
    expect(
      (await store.listEvents([{ accountId: 'default', jobId: id, afterId: 0, limit: 10 }]))[0]!.at(-1),
    ).toMatchObject({ type: 'CALLBACK', verdict: 'SET_ASIDE', state: null });
  });
});
