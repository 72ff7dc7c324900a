/** Admission: the order of turns, what shuts the gate, and what reopens it. */
import { describe, expect, test } from 'vitest';
import { addFault, isOutage, pauseFor, type Fault } from '../../../src/jobs/model/admission-gate.ts';
import type { JobStore } from '../../../src/jobs/ports/store.ts';
import type { SubmitEnd } from '../../../src/jobs/model/upstream-news.ts';
import { accepted, inDoubt, startCore } from '../../support/core.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { submittingJob } from '../../support/life.ts';
import { UnavailableError } from '../../../src/errors.ts';

const emptied = emptiedDatabase();
const start = async (options: Parameters<typeof startCore>[0] = {}) =>
  startCore({ database: await emptied(), ...options });

describe('turns', () => {
  test(
    'let the first job of an account pass without waiting for 1,000 jobs of another',
    { timeout: 180_000 },
    async () => {
      const { accept, submitNext, play } = await start({ maxInFlight: 5_000 });
      play.submit = (jobId) => Promise.resolve(accepted(jobId));
      for (let index = 0; index < 1_000; index += 1) await accept('many');
      for (let index = 0; index < 3; index += 1) await submitNext();
      const first = await accept('few');
      // At most one other job has the same tag.
      expect([await submitNext(), await submitNext()]).toContain(first);
    },
  );

  test('alternate between accounts that wait at the same time', async () => {
    const { accept, submitNext, play, find } = await start();
    play.submit = (jobId) => Promise.resolve(accepted(jobId));
    for (const account of ['a', 'b', 'c']) for (let index = 0; index < 3; index += 1) await accept(account);
    const order: string[] = [];
    for (let index = 0; index < 9; index += 1) {
      const id = await submitNext();
      for (const account of ['a', 'b', 'c']) if (await find(id, account)) order.push(account);
    }
    for (const round of [0, 3, 6]) expect(new Set(order.slice(round, round + 3))).toEqual(new Set(['a', 'b', 'c']));
  });

  test('are not saved up: an account that returns joins at the current position of the queue', async () => {
    const { accept, submitNext, play } = await start();
    play.submit = (jobId) => Promise.resolve(accepted(jobId));
    await accept('away');
    await submitNext();
    for (let index = 0; index < 10; index += 1) await accept('steady');
    for (let index = 0; index < 8; index += 1) await submitNext();
    const back = [await accept('away'), await accept('away'), await accept('away')];
    const next = [await submitNext(), await submitNext(), await submitNext()];
    expect(next.filter((id) => back.includes(id)).length).toBeLessThan(3);
  });

  test('are kept by a job that is requeued', async () => {
    const { accept, submitNext, play, store } = await start();
    const [first] = [await accept('a'), await accept('a')];
    play.submit = () => Promise.resolve({ kind: 'refused', refusal: { kind: 'busy' }, httpStatus: 429, traceId: null });
    expect(await submitNext()).toBe(first);
    await store.transaction((tx) => store.resumeGate(tx, 'test'));
    play.submit = (jobId) => Promise.resolve(accepted(jobId));
    expect(await submitNext()).toBe(first);
  });

  test('are not consumed by a request that repeats an idempotency key', async () => {
    const { accept, sql } = await start();
    await accept('a', null, 'key');
    for (let index = 0; index < 5; index += 1)
      await expect(accept('a', null, 'key')).rejects.toThrow('the key was used before');
    await accept('a');
    expect(await sql('select tag::int as tag from jobs order by tag')).toEqual([{ tag: 1 }, { tag: 2 }]);
  });

  test('become available again after a limited time if a submit stays in doubt, so that slots of dead dispatchers are released', async () => {
    const SLOT_MS = 400;
    const { accept, play, dispatcher, signal } = await start({ maxInFlight: 1, unconfirmedSlotMs: SLOT_MS });
    play.submit = () => Promise.resolve(inDoubt('path'));
    await accept('a');
    await accept('a');
    const from = performance.now();
    const first = await dispatcher.claimNext();
    if (first.kind !== 'job') throw new Error(first.kind);
    await dispatcher.submit(first.job, signal);
    expect((await dispatcher.claimNext()).kind, 'the submit in doubt holds its slot').toBe('wait');
    await expect.poll(async () => (await dispatcher.claimNext()).kind).toBe('job');
    expect(performance.now() - from).toBeGreaterThan(SLOT_MS);
  });
});

test('an attempt past its deadline holds no slot, even while its end is postponed because look-ups fail', async () => {
  const { accept, submitNext, play, dispatcher, reconcile, find, sql } = await start({ maxInFlight: 1 });
  play.submit = (jobId) => Promise.resolve(accepted(jobId));
  play.lookUp = () => Promise.reject(new Error('an outage'));
  const overdue = await accept();
  await accept();
  await submitNext();
  expect((await dispatcher.claimNext()).kind).toBe('wait');
  await sql(`update jobs set attempted_at = now() - interval '2 hours' where state = 'PROCESSING'`);
  await reconcile();
  expect(await find(overdue)).toMatchObject({ state: 'PROCESSING' });
  expect((await dispatcher.claimNext()).kind).toBe('job');
});

describe('trouble', () => {
  const fault = (accountId: string, inputHash: string, about: Fault['about'] = 'job'): Fault => ({
    accountId,
    inputHash,
    about,
  });

  test.each<[string, boolean, Fault[]]>([
    [
      'one input of one account, repeatedly',
      false,
      [fault('a', '1'), fault('a', '1'), fault('a', '1'), fault('a', '1')],
    ],
    ['two inputs of one account', false, [fault('a', '1'), fault('a', '2'), fault('a', '1')]],
    ['three inputs of one account', true, [fault('a', '1'), fault('a', '2'), fault('a', '3')]],
    ['two accounts', true, [fault('a', '1'), fault('b', '1')]],
    ['one fault of the path', false, [fault('a', '1', 'path')]],
    ['two faults of the path', true, [fault('a', '1', 'path'), fault('a', '1', 'path')]],
  ])('%s: isOutage returns %s', (_name, expected, faults) => {
    expect(isOutage(faults)).toBe(expected);
  });

  test('is remembered as the newest 20 faults', () => {
    let faults: readonly Fault[] = [];
    for (let index = 0; index < 30; index += 1) faults = addFault(faults, fault('a', String(index)));
    expect(faults.map(({ inputHash }) => inputHash)).toEqual(
      Array.from({ length: 20 }, (_, index) => String(index + 10)),
    );
  });

  test('shuts the gate for longer each time, up to a maximum', () => {
    expect([0, 1, 2, 3, 9].map((before) => pauseFor('blocked', 'used_up', before).pauseMs / 1_000)).toEqual([
      60, 120, 300, 600, 600,
    ]);
  });

  test('caused by the bad input of one account does not shut out other accounts', async () => {
    const { accept, submitNext, play, dispatcher } = await start();
    play.submit = () => Promise.resolve(inDoubt('job'));
    for (let index = 0; index < 5; index += 1) {
      await accept('bad', 'the same');
      await submitNext();
    }
    const good = await accept('good');
    play.submit = (jobId) => Promise.resolve(accepted(jobId));
    expect(await submitNext()).toBe(good);
    expect((await dispatcher.claimNext()).kind).toBe('wait');
  });

  test('is forgotten once a submit passes, and does not add up to an outage with the next', async () => {
    const { accept, submitNext, play, sql } = await start();
    const submitAs = async (end: (jobId: string) => SubmitEnd) => {
      play.submit = (jobId) => Promise.resolve(end(jobId));
      await accept();
      await submitNext();
      return sql('select pause_reason as reason from gates');
    };
    expect(await submitAs(() => inDoubt('path'))).toEqual([{ reason: null }]);
    await submitAs(accepted);
    expect(await submitAs(() => inDoubt('path'))).toEqual([{ reason: null }]);
    expect(await submitAs(() => inDoubt('path'))).toEqual([{ reason: 'reset' }]);
  });

  test('that several attempts in flight meet counts as one pause; a failed probe counts as another', async () => {
    const { accept, play, dispatcher, passTime, signal, sql } = await start();
    for (let index = 0; index < 4; index += 1) await accept();
    const claimed = [await dispatcher.claimNext(), await dispatcher.claimNext(), await dispatcher.claimNext()];
    play.submit = () =>
      Promise.resolve({
        kind: 'refused',
        refusal: { kind: 'blocked', reason: 'used_up' },
        httpStatus: 403,
        traceId: null,
      });
    for (const each of claimed) if (each.kind === 'job') await dispatcher.submit(each.job, signal);
    expect(await sql('select pause_count as count from gates')).toEqual([{ count: 1 }]);
    await passTime();
    const probe = await dispatcher.claimNext();
    if (probe.kind === 'job') await dispatcher.submit(probe.job, signal);
    expect(await sql('select pause_count as count from gates')).toEqual([{ count: 2 }]);
  });

  test.each<SubmitEnd>([inDoubt('path'), { kind: 'neverSent', reason: 'AbortError' }])(
    'that the gateway causes itself, by aborting a submit at a stop, does not count ($kind)',
    async (end) => {
      const { accept, play, dispatcher, sql } = await start();
      play.submit = () => Promise.resolve(end);
      for (let index = 0; index < 3; index += 1) {
        await accept();
        const claimed = await dispatcher.claimNext();
        if (claimed.kind === 'job') await dispatcher.submit(claimed.job, AbortSignal.abort());
      }
      expect(await sql('select pause_reason as reason from gates')).toEqual([{ reason: null }]);
    },
  );
});

describe('an intent whose commit went unanswered', () => {
  /** Commits or rolls back the first transaction and reports neither to the dispatcher; later ones are answered. */
  const unanswered =
    (commits: boolean, answering = false) =>
    (store: JobStore): JobStore => ({
      ...store,
      async transaction(work) {
        if (answering) return store.transaction(work);
        answering = true;
        await store
          .transaction(async (tx) => {
            const value = await work(tx);
            if (!commits) throw new Error('rolled back');
            return value;
          })
          .catch(() => undefined);
        throw new UnavailableError(new Error('no answer'), true);
      },
    });

  test('is requeued, because it was never sent', async () => {
    const { accept, dispatcher, find, signal } = await start({ dispatchStore: unanswered(true) });
    const id = await accept();
    const claimed = await dispatcher.claimNext();
    expect(claimed.kind).toBe('unsure');
    expect(await find(id)).toMatchObject({ state: 'SUBMITTING' });
    if (claimed.kind === 'unsure') await dispatcher.retract(claimed.job, signal);
    expect(await find(id)).toMatchObject({ state: 'QUEUED', attempt: 1 });
  });

  test('cancels its job instead, if the client has requested that in the meantime', async () => {
    const { accept, dispatcher, find, sql, signal } = await start({ dispatchStore: unanswered(true) });
    const id = await accept();
    const claimed = await dispatcher.claimNext();
    await sql('update jobs set cancel_requested_at = now()');
    if (claimed.kind === 'unsure') await dispatcher.retract(claimed.job, signal);
    expect(await find(id)).toMatchObject({ state: 'CANCELED', settledBy: 'CANCEL' });
  });

  test('is checked again only while the database is unavailable; any other error is thrown', async () => {
    const broken = new Error('a bug');
    const { dispatcher, signal } = await start({
      dispatchStore: (store) => ({ ...store, transaction: () => Promise.reject(broken) }),
    });
    await expect(dispatcher.retract(submittingJob(), signal)).rejects.toBe(broken);
  });

  test('does not requeue an attempt that another dispatcher has begun under the same number', async () => {
    const { accept, dispatcher, find, sql } = await start({ dispatchStore: unanswered(false) });
    const id = await accept();
    const claimed = await dispatcher.claimNext();
    expect(await find(id)).toMatchObject({ state: 'QUEUED', attempt: 0 });
    await sql(
      `update jobs set state = 'SUBMITTING', rank = 1, attempt = 1, lease_token = gen_random_uuid(), attempted_at = now()`,
    );
    const stopping = new AbortController();
    if (claimed.kind !== 'unsure') throw new Error(claimed.kind);
    const retracting = dispatcher.retract(claimed.job, stopping.signal);
    // `retract` checks once before it waits.
    stopping.abort();
    await retracting;
    expect(await find(id)).toMatchObject({ state: 'SUBMITTING', attempt: 1 });
  });
});
