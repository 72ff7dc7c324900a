/** The rules of admission, with the clock and the samples in the test's hands. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAdmission, OverloadedError, type AdmissionLimits, type Kind } from '../src/http/admission.ts';
import type { Overload, Sample } from '../src/http/load.ts';

const LATE: Sample = { delayMs: 100, utilization: 1 };
const CALM: Sample = { delayMs: 0, utilization: 0.1 };
const WAIT_MS = { submit: 8_000, read: 2_000, handshake: 2_000 };

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'], now: 0 }));
afterEach(() => void vi.useRealTimers());

function createDoor(limits: Partial<AdmissionLimits> = {}) {
  let sample: (sample: Sample) => void = () => undefined;
  let overload: Overload | null = null;
  const load = { overload: () => overload, eventLoopDelayMs: () => 0, databaseWaitMs: () => 0, onSample: (listener: typeof sample) => (sample = listener), stop: () => undefined };
  const admission = createAdmission(load, { maxRunning: 8, maxWaiting: 100, waitMs: WAIT_MS, ...limits }, 5);
  const ended: string[] = [];
  return {
    ...admission,
    ended,
    sample: (one: Sample) => sample(one),
    setOverload: (one: Overload | null) => (overload = one),
    /** Takes all slots; returns how to give back one after the other. */
    fill: async () => Promise.all(Array.from({ length: limits.maxRunning ?? 8 }, () => admission.enter('read'))),
    /** Notes under its name how waiting for a slot ended; the slot is kept. */
    wait(kind: Kind, name: string = kind) {
      admission.enter(kind).then(
        () => ended.push(`${name} runs`),
        (error: unknown) => ended.push(`${name} ${error instanceof OverloadedError ? error.reason : String(error)}`),
      );
    },
  };
}

/** Lets everything go on that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('slots', () => {
  test('fall by a quarter while the loop is late by its own work, to no less than 4, and rise by one when it is not', () => {
    const door = createDoor({ maxRunning: 32 });
    const slots = (sample: Sample) => (door.sample(sample), door.figures().slots);
    expect([slots(LATE), slots(LATE), slots(LATE)]).toEqual([24, 18, 13]);
    for (let count = 0; count < 20; count += 1) door.sample(LATE);
    expect(door.figures().slots).toBe(4);
    expect([slots(CALM), slots(CALM)]).toEqual([5, 6]);
    for (let count = 0; count < 50; count += 1) door.sample(CALM);
    expect(door.figures().slots).toBe(32);
  });

  test('stay when other processes make the loop late', () => {
    const door = createDoor({ maxRunning: 32 });
    door.sample({ delayMs: 300, utilization: 0.5 });
    expect(door.figures().slots).toBe(32);
  });

  test('are offered to submits twice as often as to reads and handshakes, in the order of their coming', async () => {
    const door = createDoor();
    const leaves = await door.fill();
    for (const number of [1, 2, 3, 4]) for (const kind of ['read', 'handshake', 'submit'] as const) door.wait(kind, `${kind} ${number}`);
    for (const leave of leaves) leave();
    await settle();
    const kinds = door.ended.map((text) => text.split(' ')[0]);
    expect([kinds.filter((kind) => kind === 'submit').length, kinds.filter((kind) => kind === 'read').length, kinds.filter((kind) => kind === 'handshake').length]).toEqual([4, 2, 2]);
    expect(door.ended.filter((text) => text.startsWith('submit'))).toEqual([1, 2, 3, 4].map((number) => `submit ${number} runs`));
  });

  test('are given back once, however often that is said', async () => {
    const door = createDoor({ maxRunning: 4 });
    const [leave] = await door.fill();
    leave!();
    leave!();
    expect(door.figures().running).toBe(3);
  });
});

describe('waiting', () => {
  test('ends after as long as the kind may wait', async () => {
    const door = createDoor();
    await door.fill();
    door.wait('read');
    door.wait('submit');
    vi.advanceTimersByTime(1_999);
    door.sample(CALM);
    await settle();
    expect(door.ended).toEqual([]);
    vi.advanceTimersByTime(1);
    door.sample(CALM);
    await settle();
    expect(door.ended).toEqual(['read WAIT']);
    vi.advanceTimersByTime(6_000);
    door.sample(CALM);
    await settle();
    expect(door.ended).toEqual(['read WAIT', 'submit WAIT']);
  });

  test('in a queue that was not empty for that long ends after a twentieth of it, until it was empty', async () => {
    const door = createDoor();
    const leaves = await door.fill();
    for (let second = 0; second < 4; second += 1) {
      door.wait('read', `read ${second}`);
      vi.advanceTimersByTime(1_000);
    }
    door.ended.length = 0;
    door.wait('read', 'late');
    vi.advanceTimersByTime(100);
    door.sample(CALM);
    await settle();
    expect(door.ended).toContain('late WAIT');
    // All of them have a slot or are refused: the queue is empty.
    for (const leave of leaves) leave();
    await settle();
    expect(door.figures().waiting).toBe(0);
    await Promise.all(Array.from({ length: 8 - door.figures().running }, () => door.enter('read')));
    door.wait('read', 'new');
    vi.advanceTimersByTime(1_000);
    door.sample(CALM);
    await settle();
    expect(door.ended).not.toContain('new WAIT');
  });

  test('is refused at once where the queue moves too slowly, and where it is full', async () => {
    const door = createDoor({ maxWaiting: 20 });
    const leaves = await door.fill();
    for (let number = 0; number < 20; number += 1) door.wait('read', `read ${number}`);
    door.wait('read', 'beyond');
    await settle();
    expect(door.ended).toEqual(['beyond QUEUE']);
    // One turn in 500 ms: who comes now would wait for 8 s and more.
    for (const leave of leaves.slice(0, 4)) {
      vi.advanceTimersByTime(499);
      leave();
    }
    door.wait('read', 'hopeless');
    await settle();
    expect(door.ended).toContain('hopeless WAIT');
    expect(door.refusal('read')).toMatchObject({ reason: 'WAIT' });
    expect(door.refusal('submit')).toBeNull();
  });
});

describe('an overloaded instance', () => {
  test.each(['EVENT_LOOP', 'DATABASE'] as const)('refuses reads and handshakes, and lets submits wait: %s', async (overload) => {
    const door = createDoor();
    door.setOverload(overload);
    expect([door.refusal('read')?.reason, door.refusal('handshake')?.reason, door.refusal('submit')]).toEqual([overload, overload, null]);
    await expect(door.enter('read')).rejects.toMatchObject({ reason: overload, code: 'SERVICE_UNAVAILABLE' });
    (await door.enter('submit'))();
    door.setOverload(null);
    expect(door.refusal('read')).toBeNull();
  });

  test('reads 200 bodies of unknown requests at once and 100 a second, to find the submits', () => {
    const door = createDoor();
    door.setOverload('EVENT_LOOP');
    const taken = () => Array.from({ length: 500 }, () => door.refusal(null)).filter((error) => error === null).length;
    expect(taken()).toBe(200);
    vi.advanceTimersByTime(1_000);
    expect(taken()).toBe(100);
    expect(door.figures().refused).toEqual([{ kind: 'unknown', reason: 'EVENT_LOOP', count: 700 }]);
  });

  test('tells clients to come again at different times', () => {
    const door = createDoor();
    door.setOverload('DATABASE');
    const seconds = new Set(Array.from({ length: 500 }, () => door.refusal('read')!.retryAfterSeconds));
    expect([...seconds].sort()).toEqual([2, 3, 4, 5]);
  });
});
