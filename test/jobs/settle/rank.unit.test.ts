import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_ATTEMPTS, moves, permits } from '../../../src/jobs/model/job.ts';
import {
  LEASE_TOKEN,
  evidence,
  live,
  permutations,
  submittingJob,
  subsets,
  type LifeEvent,
} from '../../support/life.ts';

const endOf = (events: readonly LifeEvent[]) => {
  const { state, rank, taskId } = events.reduce(live, submittingJob());
  return { state, rank, taskId };
};

/** Generates events in any order and number. */
const histories = (of: readonly LifeEvent[]) => fc.array(fc.constantFrom(...of), { maxLength: 14 });

const inOrder = (events: readonly LifeEvent[]) => evidence.filter((event) => events.includes(event));

describe('news about an attempt', () => {
  test('leads to the same end in every order, for every set of events', () => {
    for (const set of subsets(evidence)) {
      const expected = endOf(set);
      for (const order of permutations(set)) expect(endOf(order), order.join(', ')).toEqual(expected);
    }
  });

  test('leads to the same end however often each event is repeated', () => {
    fc.assert(
      fc.property(histories(evidence), (events) => {
        expect(endOf(events)).toEqual(endOf(inOrder(events)));
      }),
      { numRuns: 20_000 },
    );
  });

  test('never lowers the rank, and raises the version with every change of state', () => {
    fc.assert(
      fc.property(histories([...evidence, 'cancel']), (events) => {
        let job = submittingJob();
        for (const event of events) {
          const next = live(job, event);
          expect(next.rank).toBeGreaterThanOrEqual(job.rank);
          if (next.state !== job.state) expect(next.version).toBeGreaterThan(job.version);
          job = next;
        }
      }),
    );
  });
});

describe('a cancellation', () => {
  test('ends the job permanently if it takes effect, and otherwise changes nothing', () => {
    fc.assert(
      fc.property(histories([...evidence, 'cancel']), (events) => {
        let job = submittingJob();
        let canceled = false;
        for (const event of events) {
          job = live(job, event);
          canceled ||= job.state === 'CANCELED';
        }
        const { state, rank, taskId } = job;
        const without = events.filter((event) => event !== 'cancel');
        if (canceled) expect(state).toBe('CANCELED');
        else expect({ state, rank, taskId }).toEqual(endOf(without));
      }),
      { numRuns: 20_000 },
    );
  });

  test('never takes effect on an attempt that reached the upstream, whenever it is requested', () => {
    const arrived = evidence.filter((event) => event !== 'refused');
    for (const set of subsets<LifeEvent>([...arrived, 'cancel'])) {
      const expected = endOf(set.filter((event) => event !== 'cancel'));
      for (const order of permutations(set)) expect(endOf(order), order.join(', ')).toEqual(expected);
    }
  });

  test('always takes effect on an attempt that did not reach the upstream, whenever it is requested', () => {
    for (const order of permutations<LifeEvent>(['refused', 'leaseExpiry', 'cancel']))
      expect(endOf(order).state, order.join(', ')).toBe('CANCELED');
  });
});

describe('the ranks of attempts', () => {
  test('let a later attempt outrank any news about an earlier one', () => {
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt += 1) {
      expect(moves.submit(attempt).rank).toBeLessThan(moves.doubt(attempt).rank);
      expect(moves.doubt(attempt).rank).toBeLessThan(moves.requeue(attempt, LEASE_TOKEN).rank);
      expect(moves.requeue(attempt, LEASE_TOKEN).rank).toBeLessThan(moves.submit(attempt + 1).rank);
    }
  });

  test('stay below the rank of what the upstream reports about the job itself', () => {
    expect(moves.requeue(MAX_ATTEMPTS, LEASE_TOKEN).rank).toBeLessThan(moves.process.rank);
  });

  test('limit an expired lease to its own attempt', () => {
    const secondAttempt = { ...submittingJob(), attempt: 2, rank: moves.submit(2).rank };
    expect(permits(secondAttempt, moves.doubt(1))).toBe(false);
    expect(permits(secondAttempt, moves.requeue(1, LEASE_TOKEN))).toBe(false);
    expect(permits(secondAttempt, moves.doubt(2))).toBe(true);
    expect(permits(secondAttempt, moves.requeue(2, LEASE_TOKEN))).toBe(true);
    expect(permits(secondAttempt, moves.requeue(2, 'somebody else'))).toBe(false);
  });
});
