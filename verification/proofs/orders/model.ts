/** Applies the same events to a job in memory, by the core's pure functions alone. */
import { deadlineFailure } from '../../../src/jobs/reconcile/deadline-failure.ts';
import { besidesPending, decide, decideOnClaim, type Decision } from '../../../src/jobs/settle/decide.ts';
import { isTerminal, moves, permits, type Job, type Move } from '../../../src/jobs/model/job.ts';
import type { JobPatch } from '../../../src/jobs/ports/job-writer.ts';
import type { Outcome } from '../../../src/jobs/model/upstream-news.ts';
import { LEASE_TOKEN, outcomes, submittingJob, TASK_ID } from '../../../test/support/life.ts';
import { claimOf, MAX_BEGUN, outcomeOf, rejection, surelyNot, type LifeEvent, type Truth } from './events.ts';

export interface Life {
  readonly job: Job;
  /** Tasks that callbacks have claimed and that no look-up has judged yet. */
  readonly pending: ReadonlySet<string>;
  /** Callbacks that were stored. A repetition of one changes nothing. */
  readonly bodies: ReadonlySet<string>;
}

const tokenOf = (attempt: number): string => (attempt === 1 ? LEASE_TOKEN : `lease ${attempt}`);

export const startOfLife = (): Life => ({
  job: { ...submittingJob(), leaseToken: tokenOf(1) },
  pending: new Set(),
  bodies: new Set(),
});

export const hashOf = (event: Extract<LifeEvent, { kind: 'claim' }>): string => `${event.claim} ${event.variant}`;

/** Returns the properties that can be compared with a row. */
export const visible = ({ state, rank, attempt, version, taskId, cancelRequestedAt }: Job) => ({
  state,
  rank,
  attempt,
  version,
  taskId,
  cancelRequested: cancelRequestedAt !== null,
});

const amended = (job: Job, { taskId, failure, video }: JobPatch): Job => ({
  ...job,
  version: job.version + 1,
  taskId: taskId ?? job.taskId,
  failure: failure === undefined ? job.failure : failure,
  video: video === undefined ? job.video : video,
});

const move = (job: Job, to: Move, patch: JobPatch = {}): Job =>
  permits(job, to) ? { ...amended(job, patch), state: to.to, rank: to.rank } : job;

function carryOut(job: Job, decision: Decision): Job {
  if (decision.kind === 'advance') return move(job, decision.move, decision.patch);
  return decision.kind === 'amend' ? amended(job, decision.patch) : job;
}

const hear = (job: Job, outcome: Outcome, source: 'POLL' | 'LISTING' | 'SUBMIT_ANSWER'): Job =>
  carryOut(job, decide(job, { taskId: TASK_ID, outcome, source }));

/** Requeues the job, or cancels it if its client has requested that in the meantime. */
function requeue(job: Job, attempt: number): Job {
  const queued = move(job, moves.requeue(attempt, tokenOf(attempt)));
  return queued !== job && queued.cancelRequestedAt ? move(queued, moves.cancel) : queued;
}

function ask({ job, pending, bodies }: Life, truth: Truth): Life {
  if (truth === 'none') return { job, bodies, pending: new Set([...pending].filter((taskId) => taskId === TASK_ID)) };
  const outcome = outcomeOf(truth);
  const [wasKnown, wasClaimed] = [job.taskId !== null, pending.has(TASK_ID)];
  let next = job;
  if (wasClaimed && next.taskId === null) next = hear(next, outcome, 'POLL');
  if (!wasKnown && next.taskId === null) next = hear(next, outcome, 'LISTING');
  if (next.taskId !== null && (wasKnown || wasClaimed)) next = hear(next, outcome, 'POLL');
  return { job: next, bodies, pending: new Set() };
}

/** Returns the life after the event. */
export function live(life: Life, event: LifeEvent, truth: Truth): Life {
  const { job } = life;
  const after = (next: Job): Life => ({ ...life, job: next });
  switch (event.kind) {
    case 'end':
      if (event.attempt > job.attempt) return life;
      if (surelyNot.includes(event.end)) return after(requeue(job, event.attempt));
      if (event.end === 'rejected') return after(move(job, moves.fail, { failure: rejection }));
      if (event.end === 'ambiguous') return after(move(job, moves.doubt(event.attempt)));
      return after(hear(job, event.end === 'finished' ? outcomes.success : { kind: 'running' }, 'SUBMIT_ANSWER'));
    case 'begin': {
      if (job.attempt >= MAX_BEGUN) return life;
      const begun = move(job, moves.submit(job.attempt + 1));
      return after(begun === job ? job : { ...begun, attempt: job.attempt + 1, leaseToken: tokenOf(job.attempt + 1) });
    }
    case 'leaseExpiry':
      return after(move(job, moves.doubt(job.attempt)));
    case 'claim': {
      const hash = hashOf(event);
      if (life.bodies.has(hash)) return life;
      const claim = claimOf(event.claim);
      const first = decideOnClaim(job, claim, 'odd');
      const decision = life.pending.size > 0 ? besidesPending(first, claim) : first;
      const pending =
        decision.kind === 'confirm' && claim.taskId !== null ? new Set([...life.pending, claim.taskId]) : life.pending;
      return { job: carryOut(job, decision), pending, bodies: new Set([...life.bodies, hash]) };
    }
    case 'round':
      return ask(life, truth);
    case 'heard':
      return after(hear(job, outcomes[event.outcome], 'POLL'));
    case 'deadline':
      if (isTerminal(job.state)) return life;
      return after(
        move(job, moves.expire, { failure: deadlineFailure(job, job.state === 'QUEUED' ? 'queue' : 'attempt', false) }),
      );
    case 'cancel':
      if (job.state === 'QUEUED') return after({ ...move(job, moves.cancel), cancelRequestedAt: new Date(0) });
      if (job.cancelRequestedAt || (job.state !== 'SUBMITTING' && job.state !== 'UNCONFIRMED')) return life;
      return after({ ...amended(job, {}), cancelRequestedAt: new Date(0) });
  }
}
