/**
 * The life of one attempt as events in any order, and their effect on a job in memory. Only pure functions of the core
 * are used.
 */
import { decide } from '../../src/jobs/settle/decide.ts';
import { moves, permits, type Failure, type Job, type Move, type Video } from '../../src/jobs/model/job.ts';
import type { JobPatch } from '../../src/jobs/ports/job-writer.ts';
import type { Outcome } from '../../src/jobs/model/upstream-news.ts';

/** Evidence about an attempt. Each item may arrive at any time, repeatedly, or never. */
export const evidence = ['accepted', 'refused', 'leaseExpiry', 'success', 'failure', 'deadline'] as const;
export type LifeEvent = (typeof evidence)[number] | 'cancel';

export const TASK_ID = '363c7a84-e880-472e-a4d4-098e50cfc292';
export const LEASE_TOKEN = '0199bbbb-0000-4000-8000-000000000000';
const video: Video = {
  id: '842578800134742051',
  url: 'https://cdn.example.com/a.mp4',
  durationSeconds: 5.066,
  urlExpiresAt: null,
};
const failureOf = (code: Failure['code']): Failure => ({
  code,
  message: 'no',
  upstreamCode: null,
  upstreamTraceId: null,
  charge: 'NOT_CHARGED',
});

export const outcomes: Record<'success' | 'failure', Outcome> = {
  success: { kind: 'succeeded', video },
  failure: { kind: 'failed', failure: failureOf('UPSTREAM_FAILED') },
};

/** Returns a job whose first attempt has begun. */
export function submittingJob(): Job {
  const now = new Date(0);
  return {
    id: '0199aaaa-0000-7000-8000-000000000000',
    accountId: 'default',
    version: 2,
    state: 'SUBMITTING',
    rank: moves.submit(1).rank,
    attempt: 1,
    leaseToken: LEASE_TOKEN,
    tag: 1,
    upstreamId: 'test',
    sandbox: true,
    input: {
      imageUrl: 'https://a.com/a.png',
      videoUrl: 'https://a.com/a.mp4',
      prompt: null,
      mode: 'STD',
      model: null,
      characterOrientation: 'IMAGE',
      keepOriginalSound: true,
      watermark: false,
    },
    labels: [],
    webhook: null,
    idempotencyKey: null,
    inputHash: 'v1:',
    taskId: null,
    video: null,
    failure: null,
    settledBy: null,
    suspicions: 0,
    cancelRequestedAt: null,
    createdAt: now,
    attemptedAt: now,
    submittedAt: null,
    completedAt: null,
    updatedAt: now,
  };
}

function move(job: Job, to: Move, patch: JobPatch = {}): Job {
  if (!permits(job, to)) return job;
  return {
    ...job,
    state: to.to,
    rank: to.rank,
    version: job.version + 1,
    taskId: patch.taskId ?? job.taskId,
    video: patch.video ?? job.video,
    failure: patch.failure === undefined ? job.failure : patch.failure,
  };
}

function hear(job: Job, outcome: Outcome): Job {
  const decision = decide(job, { taskId: TASK_ID, outcome, source: 'POLL' });
  if (decision.kind === 'advance') return move(job, decision.move, decision.patch);
  return decision.kind === 'amend'
    ? { ...job, version: job.version + 1, taskId: decision.patch.taskId ?? job.taskId }
    : job;
}

/** Returns the job after the event. */
export function live(job: Job, event: LifeEvent): Job {
  switch (event) {
    case 'accepted':
      return hear(job, { kind: 'running' });
    case 'refused': {
      const queued = move(job, moves.requeue(1, LEASE_TOKEN));
      return queued !== job && queued.cancelRequestedAt ? move(queued, moves.cancel) : queued;
    }
    case 'leaseExpiry':
      return move(job, moves.doubt(1));
    case 'success':
    case 'failure':
      return hear(job, outcomes[event]);
    case 'deadline':
      // All deadlines have passed: that of the attempt, or that of the queue if the job is queued again.
      return move(job, moves.expire, { failure: failureOf('TIMED_OUT') });
    case 'cancel':
      if (job.state === 'QUEUED') return move(job, moves.cancel);
      return job.state === 'SUBMITTING' || job.state === 'UNCONFIRMED'
        ? { ...job, cancelRequestedAt: new Date(0) }
        : job;
  }
}

/** Returns the items in every possible order. */
export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [item, ...rest]),
  );
}

export function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]]);
}
