/** Jobs past their deadline, and when a look-up or listing at the upstream still settles them. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { accepted, inDoubt, reportOf, startCore, withOpenGate, type CoreOptions } from '../../support/core.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';

const emptied = emptiedDatabase();

const start = async (options: CoreOptions = {}) =>
  withOpenGate(await startCore({ database: await emptied(), ...options }));

const TWO_HOURS_AGO = `attempted_at = now() - interval '2 hours', next_poll_at = null`;

describe('a job in doubt at its deadline', () => {
  test('does not fail while no listing is available, and is settled by the first one', async () => {
    const { accept, submitNext, play, reconcile, find, sql } = await start({ listing: true });
    const id = await accept();
    play.submit = () => Promise.resolve(inDoubt('path'));
    await submitNext();
    await sql(`update jobs set ${TWO_HOURS_AGO}`);
    play.list = () => Promise.reject(new Error('an outage'));
    for (let round = 0; round < 3; round += 1) await reconcile();
    expect(await find(id)).toMatchObject({ state: 'UNCONFIRMED' });
    play.list = () => Promise.resolve([reportOf('a', id)]);
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'LISTING' });
  });

  test('fails without a listing if none was answered for five minutes', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    // Uses its own connections, which have only known the fake clock.
    const { accept, submitNext, play, reconcile, find, sql } = await startCore({ listing: true });
    const id = await accept();
    play.submit = () => Promise.resolve(inDoubt('path'));
    await submitNext();
    await sql(`update jobs set ${TWO_HOURS_AGO}`);
    play.list = () => Promise.reject(new Error('an outage'));
    await reconcile();
    vi.advanceTimersByTime(299_000);
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'UNCONFIRMED' });
    vi.advanceTimersByTime(1_001);
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'FAILED', failure: { code: 'SUBMIT_OUTCOME_UNKNOWN' } });
  });

  test('fails after a listing that was answered, even if another one was not', async () => {
    const { accept, submitNext, play, reconcile, find, sql } = await start({ listing: true });
    const [one, other] = [await accept(), await accept()];
    play.submit = () => Promise.resolve(inDoubt('path'));
    await submitNext();
    await submitNext();
    await sql(`update jobs set ${TWO_HOURS_AGO}`);
    await sql(`update jobs set attempted_at = attempted_at - interval '1 hour' where id = '${other}'`);
    const middle = Date.now() - 2.5 * 3_600_000;
    play.list = ({ from }) => (from.getTime() < middle ? Promise.reject(new Error('too old')) : Promise.resolve([]));
    await reconcile();
    expect(await find(one)).toMatchObject({ state: 'FAILED', failure: { code: 'SUBMIT_OUTCOME_UNKNOWN' } });
    expect(await find(other)).toMatchObject({ state: 'UNCONFIRMED' });
  });
});

describe('an attempt at another upstream', () => {
  test('is left to the instances of that upstream until ten minutes after the deadline', async () => {
    const { accept, submitNext, play, reconcile, find, sql } = await start();
    const id = await accept();
    play.submit = () => Promise.resolve(accepted('a'));
    await submitNext();
    await sql(
      `update jobs set upstream_id = 'another', attempted_at = now() - interval '69 minutes', next_poll_at = null`,
    );
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'PROCESSING' });
    await sql(`update jobs set attempted_at = now() - interval '71 minutes'`);
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'FAILED', failure: { code: 'TIMED_OUT' } });
  });
});

test('completed work at a deadline no longer counts, so that the result is still found later', async () => {
  const { accept, submitNext, play, reconcile, find, sql } = await start({ listing: true });
  const id = await accept();
  play.submit = () => Promise.resolve(inDoubt('path'));
  await submitNext();
  // As if three instances, including this one, adopted the running task at the same time.
  await sql(`update jobs set ${TWO_HOURS_AGO}, work_attempts = 2`);
  play.list = () => Promise.resolve([reportOf('a', id, { kind: 'running' })]);
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'PROCESSING', taskId: 'a' });
  play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id, { kind: 'running' })]]));
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'FAILED', failure: { code: 'TIMED_OUT' } });
  play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id)]]));
  await sql('update jobs set next_poll_at = now()');
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'SUCCEEDED' });
});
