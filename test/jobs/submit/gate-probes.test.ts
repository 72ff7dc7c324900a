/** How a shut gate reopens: by a look-up and then by one job, with only one probe at a time. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Dispatcher } from '../../../src/jobs/submit/dispatcher.ts';
import { holdProbe, PROBE_LEASE_MS } from '../../../src/jobs/submit/probe-lease.ts';
import { accepted, inDoubt, startCore } from '../../support/core.ts';

async function takeProbe(dispatcher: Dispatcher) {
  const claimed = await dispatcher.claimNext();
  if (claimed.kind !== 'probe') throw new Error(claimed.kind);
  return claimed;
}

test('faults of two accounts shut the gate; a look-up probes first, then one job at a time, and a success reopens it', async () => {
  const { accept, submitNext, play, dispatcher, passTime, signal, store } = await startCore();
  play.submit = () => Promise.resolve(inDoubt('job'));
  for (const account of ['a', 'b']) {
    await accept(account);
    await submitNext();
  }
  await accept('a');
  await accept('a');
  expect(await dispatcher.claimNext(), 'the gate is shut').toMatchObject({ kind: 'wait' });
  await passTime();
  const lookUp = await takeProbe(dispatcher);
  expect((await dispatcher.claimNext()).kind, 'another dispatcher holds the probe lease').toBe('wait');

  play.lookUp = () => Promise.reject(new Error('an outage'));
  await dispatcher.probe(lookUp.probedBy, signal);
  expect((await store.findGate('test'))!.pausedForMs).toBeGreaterThan(1_000);
  await passTime();
  const again = await takeProbe(dispatcher);

  play.lookUp = () => Promise.resolve(new Map());
  await dispatcher.probe(again.probedBy, signal);
  const probe = await dispatcher.claimNext();
  expect(probe.kind).toBe('job');
  expect((await dispatcher.claimNext()).kind, 'one probe at a time').toBe('wait');
  play.submit = (jobId) => Promise.resolve(accepted(jobId));
  if (probe.kind === 'job') await dispatcher.submit(probe.job, signal);
  expect(await store.findGate('test')).toMatchObject({ reason: null, pausedForMs: 0 });
  expect((await dispatcher.claimNext()).kind).toBe('job');
});

describe('a probe', () => {
  test('uses a job of an account that did not cause the faults, if there is one', async () => {
    const { accept, submitNext, play, dispatcher, passTime, signal } = await startCore();
    play.submit = () => Promise.resolve(inDoubt('job'));
    for (const prompt of ['1', '2', '3']) {
      await accept('bad', prompt);
      await submitNext();
    }
    await accept('bad', '4');
    const good = await accept('good');
    await passTime();
    await dispatcher.probe((await takeProbe(dispatcher)).probedBy, signal);
    play.submit = (jobId) => Promise.resolve(accepted(jobId));
    expect(await submitNext()).toBe(good);
  });

  test('that dies lets the next one through when its lease expires', async () => {
    const { accept, submitNext, play, dispatcher, passTime, store } = await startCore();
    play.submit = () => Promise.resolve({ kind: 'refused', refusal: { kind: 'busy' }, httpStatus: 429, traceId: null });
    await accept();
    await accept();
    await submitNext();
    await passTime();
    expect((await dispatcher.claimNext()).kind).toBe('job');
    expect((await dispatcher.claimNext()).kind).toBe('wait');
    expect((await store.findGate('test'))!.pausedForMs).toBeLessThanOrEqual(PROBE_LEASE_MS);
    await passTime();
    expect((await dispatcher.claimNext()).kind).toBe('job');
  });

  test('that takes a long time renews its lease and keeps all others out', async () => {
    const { accept, submitNext, play, dispatcher, passTime, signal, store, sql } = await startCore();
    const left = async () => (await store.findGate('test'))!.pausedForMs;
    /** Shortens the lease to 0.5 s, and waits until the working probe renews it. */
    const isRenewed = async () => {
      await sql("update gates set paused_until = now() + interval '0.5 s'");
      await expect.poll(left).toBeGreaterThan(PROBE_LEASE_MS / 2);
      expect((await dispatcher.claimNext()).kind).toBe('wait');
    };
    play.submit = () => Promise.resolve(inDoubt('path'));
    for (const account of ['a', 'b']) {
      await accept(account);
      await submitNext();
    }
    await accept('a');
    await accept('a');
    await passTime();

    let answer = (): void => undefined;
    play.lookUp = () => new Promise((resolve) => (answer = () => resolve(new Map())));
    const lookingUp = dispatcher.probe((await takeProbe(dispatcher)).probedBy, signal);
    await isRenewed();
    answer();
    await lookingUp;

    play.submit = (jobId) => new Promise((resolve) => (answer = () => resolve(accepted(jobId))));
    const probe = await dispatcher.claimNext();
    if (probe.kind !== 'job') throw new Error(probe.kind);
    const submitting = dispatcher.submit(probe.job, signal, probe.isProbe);
    await isRenewed();
    answer();
    await submitting;
    expect(await store.findGate('test')).toMatchObject({ reason: null, pausedForMs: 0 });
    // A probe that has ended cannot be renewed.
    await store.renewProbe('test', probe.job.id, PROBE_LEASE_MS);
    expect(await left()).toBe(0);
  });

  test('whose lease another prober has taken over does not affect the gate', async () => {
    const { accept, submitNext, play, dispatcher, passTime, signal, sql } = await startCore();
    play.submit = () => Promise.resolve(inDoubt('path'));
    for (const account of ['a', 'b']) {
      await accept(account);
      await submitNext();
    }
    await accept('a');
    await passTime();
    const held = await takeProbe(dispatcher);
    await passTime();
    const other = await takeProbe(dispatcher);
    const gate = () => sql('select probe, pause_count as count, probed_by as who from gates');
    const before = await gate();
    play.lookUp = () => Promise.reject(new Error('an outage'));
    await dispatcher.probe(held.probedBy, signal);
    play.lookUp = () => Promise.resolve(new Map());
    await dispatcher.probe(held.probedBy, signal);
    expect(await gate()).toEqual(before);
    await dispatcher.probe(other.probedBy, signal);
    expect(await gate()).toEqual([{ probe: 'JOB', count: 1, who: null }]);
  });

  describe('renews its lease', () => {
    const renewals = async (limitMs: number, renew: () => Promise<void>) => {
      vi.useFakeTimers();
      onTestFinished(() => void vi.useRealTimers());
      const renewProbe = vi.fn(renew);
      let end = (): void => undefined;
      const holding = holdProbe({ renewProbe }, 'test', 'a', limitMs, () => new Promise((resolve) => (end = resolve)));
      await vi.advanceTimersByTimeAsync(10_500);
      end();
      await holding;
      const count = renewProbe.mock.calls.length;
      await vi.advanceTimersByTimeAsync(10_000);
      expect(renewProbe, 'no renewal after the probe').toHaveBeenCalledTimes(count);
      return count;
    };

    test('every second, even if renewals fail', async () => {
      expect(await renewals(60_000, () => Promise.reject(new Error('no answer')))).toBe(10);
    });

    test('one at a time', async () => {
      expect(await renewals(60_000, () => new Promise(() => undefined))).toBe(1);
    });

    test('for no longer than its work may take', async () => {
      expect(await renewals(3_500, () => Promise.resolve())).toBe(3);
    });
  });
});
