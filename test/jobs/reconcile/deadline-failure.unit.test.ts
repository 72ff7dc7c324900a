import { describe, expect, test } from 'vitest';
import { deadlineFailure } from '../../../src/jobs/reconcile/deadline-failure.ts';
import { submittingJob } from '../../support/life.ts';

describe('a job past its deadline', () => {
  const job = submittingJob();
  test.each([
    [
      null,
      'queue',
      false,
      'QUEUE_EXPIRED',
      'NOT_CHARGED',
      'The job waited in the queue until its deadline; nothing was spent.',
    ],
    [
      null,
      'upstreamChanged',
      false,
      'UPSTREAM_CHANGED',
      'NOT_CHARGED',
      'The job was accepted for another upstream and was never submitted.',
    ],
    [
      null,
      'attempt',
      false,
      'SUBMIT_OUTCOME_UNKNOWN',
      'POSSIBLY_CHARGED',
      'The upstream never answered the submit, so it is not known whether the upstream accepted the job.',
    ],
    [
      null,
      'attempt',
      true,
      'SUBMIT_OUTCOME_UNKNOWN',
      'POSSIBLY_CHARGED',
      'The upstream never answered the submit, so it is not known whether the upstream accepted the job.',
    ],
    ['t', 'attempt', true, 'UPSTREAM_LOST', 'POSSIBLY_CHARGED', 'The upstream no longer knows the task.'],
    [
      't',
      'attempt',
      false,
      'TIMED_OUT',
      'POSSIBLY_CHARGED',
      'The upstream did not finish the job before the deadline.',
    ],
  ] as const)(
    'with task %s, reason %s and missing %s fails with %s, %s',
    (taskId, reason, missing, code, charge, message) => {
      expect(deadlineFailure({ ...job, taskId }, reason, missing)).toEqual({
        code,
        charge,
        message,
        upstreamCode: null,
        upstreamTraceId: null,
      });
    },
  );
});
