/** Tests that operations are refused if they would wait too long at the pace of their queue. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startAdmission } from '../../support/admission.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

test('operations are refused at once if their predicted wait exceeds half of the time that they may wait', async () => {
  const { ask, end, settle, outcomes } = startAdmission();
  await ask('read', 'first');
  for (let count = 0; count < 16; count += 1) void ask('read', `r${count}`);
  await settle();
  // An operation starts every 100 ms. After 1,100 ms, the 5 that wait need 500 ms, which is more than half of the
  // 900 ms that remain for a new one.
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

test('operations are not refused based on fewer than ten turns of the queue, as on a cold instance', async () => {
  const { ask, end, settle, outcomes } = startAdmission();
  await ask('read', 'first');
  for (let count = 0; count < 16; count += 1) void ask('read', `r${count}`);
  await settle();
  // Ten operations start, with nine turns between them. By the mean of the turns, the 15 that wait would need more than
  // half of the remaining time.
  for (let count = 0; count < 10; count += 1) {
    vi.advanceTimersByTime(100);
    await end();
    void ask('read', `early ${count}`);
    await settle();
  }
  expect(outcomes.filter((outcome) => outcome.endsWith('WAIT'))).toEqual([]);
});

test('a slow first turn does not cause refusals, because the mean of all turns counts', async () => {
  const { ask, end, settle, outcomes } = startAdmission({
    maxRunning: 1,
    waitMs: { submit: 8_000, read: 60_000, handshake: 2_000 },
  });
  await ask('read', 'first');
  for (let count = 0; count < 60; count += 1) void ask('read', `r${count}`);
  await settle();
  await end();
  // The first turn takes 5 s and the others 10 ms. At their mean of 0.5 s, the 50 waiting operations need 25 s.
  for (const turnMs of [5_000, ...Array.from({ length: 9 }, () => 10)]) {
    vi.advanceTimersByTime(turnMs);
    await end();
  }
  void ask('read', 'last');
  await settle();
  expect(outcomes).not.toContain('last: WAIT');
});

test('a slow queue of one kind does not cause refusals of other kinds', async () => {
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
