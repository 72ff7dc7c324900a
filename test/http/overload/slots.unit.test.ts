import { describe, expect, test } from 'vitest';
import { createSlots } from '../../../src/http/overload/slots.ts';

const late = { delayMs: 2, utilization: 0.95 };
const calm = { delayMs: 0.5, utilization: 0.95 };
/** The loop is late because other processes use the cores. */
const starved = { delayMs: 50, utilization: 0.8 };

/** Takes samples with all slots in use; returns the number of slots after each. */
const counts = (slots: ReturnType<typeof createSlots>, sample: typeof late, times: number) =>
  Array.from({ length: times }, () => {
    slots.noteStart(slots.count());
    slots.adapt(sample, slots.count(), 0);
    return slots.count();
  });

describe('the number of slots', () => {
  test('starts at 4, or at the limit if that is lower', () => {
    expect([createSlots(32, 1).count(), createSlots(2, 1).count()]).toEqual([4, 2]);
  });

  test('rises by one up to the limit while all are used', () => {
    expect(counts(createSlots(7, 1), calm, 5)).toEqual([5, 6, 7, 7, 7]);
  });

  test('takes into account slots that were in use only between two samples', () => {
    const slots = createSlots(8, 1);
    slots.noteStart(4);
    slots.adapt(calm, 0, 0);
    expect(slots.count()).toBe(5);
    slots.noteStart(4);
    slots.adapt(calm, 0, 0);
    expect(slots.count()).toBe(4);
  });

  test('is halved, down to one, while the loop is late because of its own work', () => {
    const slots = createSlots(32, 1);
    counts(slots, calm, 6);
    expect(counts(slots, late, 5)).toEqual([5, 2, 1, 1, 1]);
  });

  test('is not reduced when the delay is at its target, or when other processes make the loop late', () => {
    expect(counts(createSlots(32, 1), { delayMs: 1, utilization: 1 }, 2)).toEqual([5, 6]);
    expect(counts(createSlots(32, 1), starved, 2)).toEqual([5, 6]);
  });

  test('allows one more than are running if no operation has started for more than 200 ms', () => {
    const slots = createSlots(3, 1);
    slots.adapt(late, 1, 200);
    expect(slots.count()).toBe(1);
    slots.adapt(late, 1, 201);
    expect(slots.count()).toBe(2);
    slots.adapt(late, 3, 201);
    expect(slots.count()).toBe(3);
  });

  test('returns to 4 while slots are free', () => {
    const slots = createSlots(32, 1);
    counts(slots, calm, 3);
    const idle = () => {
      slots.adapt(calm, 0, 0);
      return slots.count();
    };
    expect([idle(), idle(), idle(), idle(), idle()]).toEqual([6, 5, 4, 4, 4]);
    counts(slots, late, 2);
    expect(slots.count()).toBe(1);
    expect([idle(), idle(), idle(), idle(), idle()]).toEqual([2, 3, 4, 4, 4]);
  });
});

test('the loop counts as late for 20 samples after the last late one', () => {
  const slots = createSlots(32, 1);
  expect(slots.wasLate()).toBe(false);
  slots.adapt(late, 0, 0);
  const pressed = Array.from({ length: 20 }, () => {
    const before = slots.wasLate();
    slots.adapt(calm, 0, 0);
    return before;
  });
  expect(pressed).toEqual(Array.from({ length: 20 }, () => true));
  expect(slots.wasLate()).toBe(false);
});
