import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createRetryLine } from '../../../src/concurrency/retry-queue.ts';
import { UnavailableError } from '../../../src/errors.ts';

const away = () => new UnavailableError(new Error('away'));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('work that fails because the database is unavailable', () => {
  test('is retried until it succeeds, and resolves with the result of that retry', async () => {
    const line = createRetryLine({ waitMs: 10_000, maxWaiting: 10 });
    const work = vi
      .fn<() => Promise<string>>()
      .mockRejectedValueOnce(away())
      .mockRejectedValueOnce(away())
      .mockResolvedValue('done');
    const done = line.run(work);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await done).toBe('done');
    expect(work).toHaveBeenCalledTimes(3);
  });

  test('is retried one at a time and in order, however many callers wait, and all of it once a retry succeeds', async () => {
    const line = createRetryLine({ waitMs: 60_000, maxWaiting: 2_000 });
    let [isAway, running, most] = [true, 0, 0];
    const calls = Array.from({ length: 1_000 }, () => 0);
    const all = calls.map((_, index) => {
      let isFirst = true;
      return line.run(async () => {
        calls[index]! += 1;
        if (isFirst) {
          isFirst = false;
          throw away();
        }
        running += 1;
        most = isAway ? Math.max(most, running) : most;
        // A retry takes a while, like one that waits for a lock.
        await new Promise((resolve) => setTimeout(resolve, 100));
        running -= 1;
        if (isAway) throw away();
        return index;
      });
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(most).toBe(1);
    const repeated = calls.filter((count) => count > 1).length;
    expect([repeated, Math.max(...calls)]).toEqual([expect.closeTo(28, -1), 2]);
    isAway = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await Promise.all(all)).toEqual(calls.map((_, index) => index));
  });

  test('is no longer retried after its wait time, and rejects with the last error', async () => {
    const line = createRetryLine({ waitMs: 1_000, maxWaiting: 10 });
    const errors: Error[] = [];
    const done = line.run(() => {
      errors.push(away());
      return Promise.reject(errors.at(-1)!);
    });
    const failed = expect(done).rejects.toSatisfy((error) => error === errors.at(-1));
    await vi.advanceTimersByTimeAsync(1_000);
    await failed;
    const count = errors.length;
    expect(count).toBeGreaterThan(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(errors).toHaveLength(count);
  });

  test('rejects at once if the queue is full, if the wait time is zero, and after a stop; a stop rejects all waiting work', async () => {
    const fail = () => Promise.reject(away());
    await expect(createRetryLine({ waitMs: 0, maxWaiting: 10 }).run(fail)).rejects.toThrow(UnavailableError);
    const line = createRetryLine({ waitMs: 60_000, maxWaiting: 1 });
    const waits = expect(line.run(fail)).rejects.toThrow(UnavailableError);
    await vi.advanceTimersByTimeAsync(0);
    await expect(line.run(fail)).rejects.toThrow(UnavailableError);
    line.stop();
    await waits;
    await expect(line.run(fail)).rejects.toThrow(UnavailableError);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('work that fails for another reason is not retried, neither after the first run nor after a retry', async () => {
  const line = createRetryLine({ waitMs: 60_000, maxWaiting: 10 });
  await expect(line.run(() => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
  const work = vi.fn<() => Promise<string>>().mockRejectedValueOnce(away()).mockRejectedValue(new Error('a bug'));
  const failed = expect(line.run(work)).rejects.toThrow('a bug');
  await vi.advanceTimersByTimeAsync(60_000);
  await failed;
  expect(work).toHaveBeenCalledTimes(2);
});
