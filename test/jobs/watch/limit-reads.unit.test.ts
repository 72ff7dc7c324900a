import { expect, test } from 'vitest';
import { limitReads } from '../../../src/jobs/watch/limit-reads.ts';

test('a limiter in front of a reader passes every call and result through', async () => {
  const asked: unknown[][] = [];
  const answer =
    (name: string) =>
    async (...args: unknown[]) => (asked.push([name, ...args]), name as never);
  const reader = limitReads({ findMoment: answer('moment'), listChanges: answer('changes') }, 1);
  const seen = { xmax: 1n, inProgress: [] };
  expect(await Promise.all([reader.findMoment('a'), reader.listChanges('a', seen, null, 7)])).toEqual([
    'moment',
    'changes',
  ]);
  expect(asked).toEqual([
    ['moment', 'a'],
    ['changes', 'a', seen, null, 7],
  ]);
});
