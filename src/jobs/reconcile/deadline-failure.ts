/** The failure of an overdue job: its reason and what the job may have cost. Pure function. */
import type { Failure, FailureCode, Job } from '../model/job.ts';
import type { OverdueJob } from '../ports/work-queue.ts';

export function deadlineFailure(job: Job, reason: OverdueJob['reason'], taskMissing: boolean): Failure {
  const [code, charge, message]: [FailureCode, Failure['charge'], string] =
    reason === 'queue'
      ? ['QUEUE_EXPIRED', 'NOT_CHARGED', 'The job waited in the queue until its deadline; nothing was spent.']
      : reason === 'upstreamChanged'
        ? ['UPSTREAM_CHANGED', 'NOT_CHARGED', 'The job was accepted for another upstream and was never submitted.']
        : job.taskId === null
          ? [
              'SUBMIT_OUTCOME_UNKNOWN',
              'POSSIBLY_CHARGED',
              'The upstream never answered the submit, so it is not known whether the upstream accepted the job.',
            ]
          : taskMissing
            ? ['UPSTREAM_LOST', 'POSSIBLY_CHARGED', 'The upstream no longer knows the task.']
            : ['TIMED_OUT', 'POSSIBLY_CHARGED', 'The upstream did not finish the job before the deadline.'];
  return { code, charge, message, upstreamCode: null, upstreamTraceId: null };
}
