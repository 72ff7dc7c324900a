import { expect, test } from 'vitest';
import { createWorkAttempts } from '../../../src/jobs/reconcile/work-attempts.ts';
import { UnavailableError } from '../../../src/errors.ts';

const away = () => Promise.reject(new UnavailableError(new Error('away')));

/** Creates work attempts over a store in memory, which does not answer for jobs in `locked`. */
function start() {
  const [counts, locked] = [new Map<string, number>(), new Set<string>()];
  const add = async (jobId: string, number: number): Promise<number> => {
    if (locked.has(jobId)) return away();
    counts.set(jobId, Math.max(0, (counts.get(jobId) ?? 0) + number));
    return counts.get(jobId)!;
  };
  const attempts = createWorkAttempts({
    beginWork: (jobId) => add(jobId, 1),
    forgetAttempts: async (jobId, count) => void (await add(jobId, -count)),
  });
  return { attempts, counts, locked };
}

test('work that fails because the database is unavailable gets 20 more attempts than other work before it is given up', async () => {
  const { attempts } = start();
  let begun = 0;
  while (await attempts.begin('a')) {
    begun += 1;
    await expect(attempts.run('a', away)).rejects.toThrow(UnavailableError);
  }
  expect(begun).toBe(23);
});

test('work that fails for another reason is given up after three attempts', async () => {
  const { attempts } = start();
  let begun = 0;
  while (await attempts.begin('a')) {
    begun += 1;
    await expect(attempts.run('a', () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
  }
  expect(begun).toBe(3);
});

test('a job whose count cannot be written does not block work on other jobs, and its attempt is subtracted later', async () => {
  const { attempts, counts, locked } = start();
  expect(await attempts.begin('a')).toBe(true);
  await expect(attempts.run('a', away)).rejects.toThrow(UnavailableError);
  locked.add('a');
  await expect(attempts.forgetEnded()).rejects.toThrow(UnavailableError);
  expect(await attempts.begin('b')).toBe(true);
  expect(counts.get('a')).toBe(1);
  locked.clear();
  await attempts.forgetEnded();
  expect(counts.get('a')).toBe(0);
});
