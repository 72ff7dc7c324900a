/** What the pace of a queue refuses: operations that would wait too long. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startAdmission } from '../../support/admission.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

test('operations are refused at once when their queue is too slow for half of the time that they may wait', async () => {
  const { ask, end, settle, outcomes } = startAdmission();
  await ask('read', 'first');
  for (let count = 0; count < 16; count += 1) void ask('read', `r${count}`);
  await settle();
  // An operation begins every 100 ms: after 1,100 ms, the 5 that wait take 500 ms, which is more than half of the 900
  // ms that are left for a new one.
  for (let count = 0; count < 11; count += 1) {
    vi.advanceTimersByTime(100);
    await end();
  }
  void ask('read', 'too late');
  await settle();
  expect(outcomes.slice(-2)).toEqual(['r10', 'too late: WAIT']);
  await end();
  await end();
  void ask('read', 'in time');
  await settle();
  expect(outcomes).not.toContain('in time: WAIT');
});

test('operations are not refused by the time that fewer than ten turns of the queue took, as on a cold instance', async () => {
  const { ask, end, settle, outcomes } = startAdmission();
  await ask('read', 'first');
  for (let count = 0; count < 16; count += 1) void ask('read', `r${count}`);
  await settle();
  // Ten operations begin, with nine turns between them: by their mean, the six that wait take longer than half of the
  // time that is left.
  for (let count = 0; count < 10; count += 1) {
    vi.advanceTimersByTime(100);
    await end();
    void ask('read', `early ${count}`);
    await settle();
  }
  expect(outcomes.filter((outcome) => outcome.endsWith('WAIT'))).toEqual([]);
});

test('operations are refused by the mean of all turns, and not by a slow first one', async () => {
  const { ask, end, settle, outcomes } = startAdmission({
    maxRunning: 1,
    waitMs: { submit: 8_000, read: 60_000, handshake: 2_000 },
  });
  await ask('read', 'first');
  for (let count = 0; count < 60; count += 1) void ask('read', `r${count}`);
  await settle();
  await end();
  // The first turn takes 5 s and the others 10 ms: their mean is 0.5 s, with which 50 that wait take 25 s.
  for (const turnMs of [5_000, ...Array.from({ length: 9 }, () => 10)]) {
    vi.advanceTimersByTime(turnMs);
    await end();
  }
  void ask('read', 'last');
  await settle();
  expect(outcomes).not.toContain('last: WAIT');
});

test('operations in a slow queue do not cause refusals of other kinds', async () => {
  const { admission, ask, end, settle } = startAdmission();
  await ask('read', 'first');
  for (let count = 0; count < 30; count += 1) void ask('read', `r${count}`);
  await settle();
  for (let count = 0; count < 11; count += 1) {
    vi.advanceTimersByTime(100);
    await end();
  }
  expect([admission.refusal('read')?.reason, admission.refusal('submit')]).toEqual(['WAIT', null]);
  expect(admission.figures().refused).toEqual([{ kind: 'read', reason: 'WAIT', count: 1 }]);
});
