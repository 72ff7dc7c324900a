/**
 * Decides how news changes a job. The functions are pure: they take the current row and the news, and return one
 * decision. The caller holds the row's lock, and the guarded statement checks the rank again.
 */
import {
  isFinalFailure,
  isOpen,
  moves,
  permits,
  type Job,
  type Move,
  type SettledBy,
  type Video,
} from '../model/job.ts';
import type { JobPatch } from '../ports/job-writer.ts';
import type { Claim, Outcome } from '../model/upstream-news.ts';

type Source = Extract<SettledBy, 'SUBMIT_ANSWER' | 'CALLBACK' | 'POLL' | 'LISTING'>;

export type Decision =
  | { readonly kind: 'advance'; readonly move: Move; readonly patch: JobPatch }
  | { readonly kind: 'amend'; readonly patch: JobPatch }
  /** Not to be trusted by itself: ask the upstream first. */
  | { readonly kind: 'confirm'; readonly why: string }
  /** Nothing new. */
  | { readonly kind: 'repeat' }
  /** Contradicts what is settled, and does not outrank it. */
  | { readonly kind: 'contradict' };

export interface News {
  readonly taskId: string | null;
  readonly outcome: Outcome;
  readonly source: Source;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Returns when to ask the upstream for a fresh link: one day before the link expires. */
const refreshAt = ({ urlExpiresAt }: Video): Date | null => urlExpiresAt && new Date(urlExpiresAt.getTime() - DAY_MS);

/**
 * Decides on trusted news: the answer to our own submit, a look-up, or a callback that `decideOnClaim` let pass.
 */
export function decide(job: Job, { taskId, outcome, source }: News): Decision {
  const known = { ...(taskId !== null && job.taskId === null && { taskId }), submitted: true } as const;
  const settled = { ...known, settledBy: source, completed: true } as const;
  switch (outcome.kind) {
    case 'running':
      if (permits(job, moves.process)) return { kind: 'advance', move: moves.process, patch: known };
      return 'taskId' in known ? { kind: 'amend', patch: known } : { kind: 'repeat' };

    case 'succeeded':
      if (job.state === 'SUCCEEDED') {
        // The look-up was due because the link will expire; the upstream signs a new link for the same video.
        const isFresh =
          source === 'POLL' && taskId === job.taskId && job.video !== null && job.video.url !== outcome.video.url;
        return isFresh
          ? { kind: 'amend', patch: { video: outcome.video, nextPollAt: refreshAt(outcome.video) } }
          : { kind: 'repeat' };
      }
      if (!permits(job, moves.succeed)) return { kind: 'contradict' };
      // A final failure is certain, by the upstream's statement or by a deadline before the submit: only the upstream's
      // answer to our own request may revoke it.
      if (job.failure && isFinalFailure(job.failure.code) && source === 'CALLBACK')
        return { kind: 'confirm', why: 'success after a final failure' };
      return {
        kind: 'advance',
        move: moves.succeed,
        patch: { ...settled, video: outcome.video, failure: null, nextPollAt: refreshAt(outcome.video) },
      };

    case 'failed': {
      const failed = {
        ...settled,
        failure: outcome.failure,
        ...(isFinalFailure(outcome.failure.code) && { nextPollAt: null }),
      };
      if (permits(job, moves.fail)) return { kind: 'advance', move: moves.fail, patch: failed };
      if (job.state !== 'FAILED' || !job.failure) return { kind: 'contradict' };
      // The failure that the upstream reported earlier was uncertain; this one is certain.
      const clearer = !isFinalFailure(job.failure.code) && isFinalFailure(outcome.failure.code);
      return clearer ? { kind: 'amend', patch: failed } : { kind: 'repeat' };
    }
  }
}

/**
 * Decides on a callback's claim. The upstream echoes the callback URL in its task record, so knowing the URL proves
 * less than a signature would. A look-up therefore first confirms claims that do not fit what is known, and claims for
 * any task id other than the one recorded for the job.
 */
export function decideOnClaim(job: Job, claim: Claim, confirm: 'odd' | 'always'): Decision {
  if (claim.outcome === null) return { kind: 'confirm', why: claim.odd ?? 'unreadable' };
  if (claim.odd !== null && isOpen(job)) return { kind: 'confirm', why: claim.odd };
  const decision = decide(job, { taskId: claim.taskId, outcome: claim.outcome, source: 'CALLBACK' });
  if (decision.kind === 'repeat' || decision.kind === 'contradict') return decision;
  if (claim.odd !== null) return { kind: 'confirm', why: claim.odd };
  if (claim.taskId !== job.taskId)
    return { kind: 'confirm', why: job.taskId === null ? 'the task is not known yet' : 'a different task' };
  return confirm === 'always' ? { kind: 'confirm', why: 'always confirmed' } : decision;
}

/**
 * Adjusts a decision for a job that has another claim waiting for its look-up. The two may contradict each other, and
 * an end that is trusted now would cancel the look-up, so one look-up decides on both.
 */
export function besidesPending(decision: Decision, { outcome }: Claim): Decision {
  const ends =
    (decision.kind === 'advance' || decision.kind === 'amend') && outcome !== null && outcome.kind !== 'running';
  return ends ? { kind: 'confirm', why: 'another claim is awaiting confirmation' } : decision;
}
