import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LATE, CALM, startAdmission } from '../../support/admission.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

describe('waiting operations', () => {
  test('start in turns: two submits for each read and handshake, and each kind in its order', async () => {
    const { ask, end, settle, outcomes } = startAdmission();
    await ask('read', 'first');
    for (const name of ['r1', 'r2']) void ask('read', name);
    for (const name of ['s1', 's2', 's3']) void ask('submit', name);
    void ask('handshake', 'h1');
    await settle();
    for (let count = 0; count < 6; count += 1) await end();
    expect(outcomes).toEqual(['first', 'r1', 's1', 'h1', 's2', 'r2', 's3']);
  });

  test('are refused at the next sample after their wait time has passed', async () => {
    const { ask, sample, settle, outcomes } = startAdmission();
    await ask('read', 'first');
    void ask('read');
    void ask('submit');
    vi.advanceTimersByTime(1_999);
    sample(CALM);
    await settle();
    expect(outcomes).toEqual(['first']);
    vi.advanceTimersByTime(1);
    sample(CALM);
    await settle();
    expect(outcomes).toEqual(['first', 'read: WAIT']);
    vi.advanceTimersByTime(6_000);
    sample(CALM);
    await settle();
    expect(outcomes).toEqual(['first', 'read: WAIT', 'submit: WAIT']);
  });

  test('are refused at once beyond the maximum number of their kind', async () => {
    const { ask, settle, outcomes } = startAdmission({ maxWaiting: 2 });
    await ask('read', 'first');
    for (const name of ['r1', 'r2', 'r3']) void ask('read', name);
    void ask('submit');
    await settle();
    expect(outcomes).toEqual(['first', 'r3: QUEUE']);
  });

  test('may wait less the longer their queue has been non-empty', async () => {
    const { ask, sample, settle, outcomes } = startAdmission();
    await ask('read', 'first');
    void ask('submit', 'at 0 s');
    vi.advanceTimersByTime(3_000);
    void ask('submit', 'at 3 s');
    await settle();
    // Both may wait until 8 s.
    vi.advanceTimersByTime(4_999);
    sample(CALM);
    await settle();
    expect(outcomes).toEqual(['first']);
    vi.advanceTimersByTime(1);
    void ask('submit', 'at 8 s');
    sample(CALM);
    await settle();
    expect(outcomes).toEqual(['first', 'at 0 s: WAIT', 'at 3 s: WAIT']);
    // Half of 8 s.
    vi.advanceTimersByTime(3_999);
    sample(CALM);
    await settle();
    expect(outcomes).toHaveLength(3);
    vi.advanceTimersByTime(1);
    sample(CALM);
    await settle();
    expect(outcomes.at(-1)).toBe('at 8 s: WAIT');
  });

  test('may wait for their full time again after their queue was empty', async () => {
    const { ask, end, sample, settle, outcomes } = startAdmission();
    await ask('read', 'first');
    void ask('read', 'second');
    vi.advanceTimersByTime(1_900);
    await end();
    expect(outcomes).toEqual(['first', 'second']);
    void ask('read', 'third');
    vi.advanceTimersByTime(1_999);
    sample(CALM);
    await settle();
    expect(outcomes).toEqual(['first', 'second']);
    vi.advanceTimersByTime(1);
    sample(CALM);
    await settle();
    expect(outcomes).toEqual(['first', 'second', 'third: WAIT']);
  });

  test('release their slot only once', async () => {
    const { admission, ask } = startAdmission({ maxRunning: 4 });
    await ask('read');
    const leave = await admission.enter('read');
    leave();
    leave();
    expect(admission.figures().running).toBe(1);
  });

  test('leave the queue when their client disconnects, and do not count as refused', async () => {
    const { admission, ask, end, outcomes } = startAdmission();
    await ask('read', 'first');
    const gone = new AbortController();
    const waiting = admission.enter('read', () => gone.signal).catch((error: Error) => error.message);
    gone.abort(new Error('hung up'));
    expect(await waiting).toBe('hung up');
    expect(admission.figures()).toMatchObject({ running: 1, waiting: 0, refused: [] });
    await end();
    expect(admission.figures().running).toBe(0);
    expect(outcomes).toEqual(['first']);
  });
});

describe('an overloaded instance', () => {
  test('refuses reads and handshakes at once, while submits continue', async () => {
    const { ask, setOverload, outcomes } = startAdmission({ maxRunning: 4 });
    setOverload('EVENT_LOOP');
    for (const kind of ['read', 'handshake', 'submit'] as const) await ask(kind);
    expect(outcomes).toEqual(['read: EVENT_LOOP', 'handshake: EVENT_LOOP', 'submit']);
  });

  test('reads the bodies of 200 requests of unknown kind, 100 more per second, and refuses the others', () => {
    const { admission, setOverload } = startAdmission();
    setOverload('DATABASE');
    const refusals = (count: number) =>
      Array.from({ length: count }, () => admission.refusal(null)).filter((error) => error !== null).length;
    expect(refusals(203)).toBe(3);
    vi.advanceTimersByTime(500);
    expect(refusals(60)).toBe(10);
    expect(admission.figures().refused).toEqual([{ kind: 'unknown', reason: 'DATABASE', count: 13 }]);
  });

  test('reads bodies even if only submits would be refused, to find the reads among them', async () => {
    const { admission, ask, settle } = startAdmission({ maxWaiting: 1 });
    await ask('read', 'first');
    void ask('submit');
    await settle();
    expect([admission.refusal('submit')?.reason, admission.refusal('read'), admission.refusal(null)]).toEqual([
      'QUEUE',
      null,
      null,
    ]);
    const refused = Array.from({ length: 250 }, () => admission.refusal(null)).filter((error) => error !== null);
    expect(refused.map(({ reason }) => reason)).toEqual(Array(51).fill('QUEUE'));
    void ask('read');
    await settle();
    expect(admission.refusal(null)?.reason).toBe('QUEUE');
  });

  test('asks clients to retry in 2 to 5 s', () => {
    const { admission, setOverload } = startAdmission();
    setOverload('DATABASE');
    const seconds = new Set(Array.from({ length: 200 }, () => admission.refusal('read')!.retryAfterSeconds));
    expect([...seconds].sort()).toEqual([2, 3, 4, 5]);
    expect(admission.refusal('read')!.message).toMatch(
      /^The gateway is overloaded\. Nothing was executed; repeat the request in [2-5] s\.$/,
    );
  });
});

describe('while a callback is being settled', () => {
  const settleCallback = (admission: ReturnType<typeof startAdmission>['admission']) => {
    let done!: () => void;
    const settled = admission.prioritize(() => new Promise<void>((resolve) => (done = resolve)));
    return async () => {
      done();
      await settled;
    };
  };

  test('operations of a late instance wait for it', async () => {
    const { admission, ask, sample, settle, outcomes } = startAdmission({ maxRunning: 4 });
    sample(LATE);
    await ask('read', 'before');
    const settled = settleCallback(admission);
    void ask('read', 'meanwhile');
    vi.advanceTimersByTime(50);
    sample(CALM);
    await settle();
    expect(outcomes).toEqual(['before']);
    await settled();
    expect(outcomes).toEqual(['before', 'meanwhile']);
  });

  test('operations wait for it for at most 50 ms', async () => {
    const { admission, ask, sample, settle, outcomes } = startAdmission({ maxRunning: 4 });
    sample(LATE);
    await ask('read', 'before');
    settleCallback(admission);
    void ask('read', 'meanwhile');
    vi.advanceTimersByTime(51);
    sample(CALM);
    await settle();
    expect(outcomes).toEqual(['before', 'meanwhile']);
  });

  test('operations that arrive after 50 ms do not wait for it', async () => {
    const { admission, ask, sample, outcomes } = startAdmission({ maxRunning: 4 });
    sample(LATE);
    sample(CALM);
    settleCallback(admission);
    vi.advanceTimersByTime(51);
    await ask('read', 'first');
    await ask('read', 'second');
    expect(outcomes).toEqual(['first', 'second']);
  });

  test('operations of an instance that is not late do not wait for it', async () => {
    const { admission, ask, outcomes } = startAdmission({ maxRunning: 4 });
    settleCallback(admission);
    await ask('read', 'first');
    await ask('read', 'second');
    expect(outcomes).toEqual(['first', 'second']);
  });

  test('an error of the callback is propagated, and operations continue', async () => {
    const { admission, ask, sample, outcomes } = startAdmission({ maxRunning: 4 });
    sample(LATE);
    sample(CALM);
    await ask('read', 'before');
    await expect(admission.prioritize(() => Promise.reject(new Error('no database')))).rejects.toThrow('no database');
    await ask('read', 'after');
    expect(outcomes).toEqual(['before', 'after']);
  });
});
