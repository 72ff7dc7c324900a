/** The events that can happen to a job whose first attempt has begun: in any order, repeatedly, or never. */
import fc from 'fast-check';
import type { Failure } from '../../../src/jobs/model/job.ts';
import type { Claim, Outcome, SubmitEnd } from '../../../src/jobs/model/upstream-news.ts';
import { outcomes, TASK_ID } from '../../../test/support/life.ts';

/**
 * The ways in which a submitter can report the end of its attempt. With the last three, the attempt certainly did not
 * arrive.
 */
const submitEnds = ['accepted', 'finished', 'ambiguous', 'rejected', 'refused', 'neverSent', 'retracted'] as const;
type SubmitEndName = (typeof submitEnds)[number];
export const surelyNot: readonly SubmitEndName[] = ['refused', 'neverSent', 'retracted'];

/** The claims that a callback can make. */
const claims = ['success', 'failure', 'otherTask', 'unreadable'] as const;
type ClaimName = (typeof claims)[number];

/** The upstream's knowledge of the job's task, which never changes: look-ups and listings tell the truth. */
export const truths = ['none', 'running', 'success', 'failure'] as const;
export type Truth = (typeof truths)[number];

export type LifeEvent =
  /** The submitter of this attempt records its end. Nothing happens if the attempt has not begun. */
  | { readonly kind: 'end'; readonly attempt: number; readonly end: SubmitEndName }
  /** The gate admits the next attempt. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'leaseExpiry' }
  | { readonly kind: 'claim'; readonly claim: ClaimName; readonly variant: number }
  /**
   * The upstream is queried: known and claimed tasks are looked up, and jobs without a task are searched for by
   * listing.
   */
  | { readonly kind: 'round' }
  /** A look-up of the job's own task returns this outcome, whatever the truth is. */
  | { readonly kind: 'heard'; readonly outcome: 'success' | 'failure' }
  /** Every deadline has passed, and the upstream does not know the task. */
  | { readonly kind: 'deadline' }
  | { readonly kind: 'cancel' };

/** The upstream's refusal of this particular job. */
export const rejection: Failure = {
  code: 'UPSTREAM_REJECTED',
  message: 'no',
  upstreamCode: null,
  upstreamTraceId: null,
  charge: 'NOT_CHARGED',
};

export const MAX_BEGUN = 3;
export const OTHER_TASK_ID = '5b0d8b6e-33f1-4f0e-9b8c-0d6b2f6c1e11';

export const endOf = (name: Exclude<SubmitEndName, 'retracted'>): SubmitEnd => {
  switch (name) {
    case 'accepted':
      return { kind: 'accepted', taskId: TASK_ID, outcome: null, traceId: null };
    case 'finished':
      return { kind: 'accepted', taskId: TASK_ID, outcome: outcomes.success, traceId: null };
    case 'ambiguous':
      return { kind: 'ambiguous', about: 'path', reason: 'reset', httpStatus: null, traceId: null, taskId: null };
    case 'rejected':
      return { kind: 'refused', refusal: { kind: 'rejected', failure: rejection }, httpStatus: 400, traceId: null };
    case 'refused':
      return { kind: 'refused', refusal: { kind: 'busy' }, httpStatus: 429, traceId: null };
    case 'neverSent':
      return { kind: 'neverSent', reason: 'ECONNREFUSED' };
  }
};

export const claimOf = (name: ClaimName): Claim => {
  switch (name) {
    case 'success':
    case 'failure':
      return { taskId: TASK_ID, outcome: outcomes[name], odd: null };
    case 'otherTask':
      return { taskId: OTHER_TASK_ID, outcome: outcomes.success, odd: null };
    case 'unreadable':
      return { taskId: null, outcome: null, odd: 'unreadable' };
  }
};

export const outcomeOf = (truth: Exclude<Truth, 'none'>): Outcome =>
  truth === 'running' ? { kind: 'running' } : outcomes[truth];

/** Any event, of any attempt. */
export const anyEvent: fc.Arbitrary<LifeEvent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      attempt: fc.integer({ min: 1, max: MAX_BEGUN }),
      end: fc.constantFrom(...submitEnds),
    }),
  },
  { weight: 3, arbitrary: fc.constant<LifeEvent>({ kind: 'begin' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<LifeEvent>(
      { kind: 'leaseExpiry' },
      { kind: 'deadline' },
      { kind: 'cancel' },
      { kind: 'round' },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('claim' as const),
      claim: fc.constantFrom(...claims),
      variant: fc.integer({ min: 0, max: 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('heard' as const),
      outcome: fc.constantFrom('success' as const, 'failure' as const),
    }),
  },
);

/**
 * The events of a first attempt that arrived and whose task ends this way. None of them reports a different end of the
 * task.
 */
export const eventsOfTask = (outcome: 'success' | 'failure'): fc.Arbitrary<LifeEvent> =>
  fc.oneof(
    fc.constantFrom<LifeEvent>(
      { kind: 'end', attempt: 1, end: 'accepted' },
      { kind: 'end', attempt: 1, end: 'ambiguous' },
      { kind: 'leaseExpiry' },
      { kind: 'deadline' },
      { kind: 'round' },
      { kind: 'begin' },
      { kind: 'heard', outcome },
      { kind: 'cancel' },
    ),
    fc.record({
      kind: fc.constant('claim' as const),
      claim: fc.constantFrom<ClaimName>(outcome, 'otherTask', 'unreadable'),
      variant: fc.integer({ min: 0, max: 1 }),
    }),
    ...(outcome === 'success' ? [fc.constant<LifeEvent>({ kind: 'end', attempt: 1, end: 'finished' })] : []),
  );

/** Describes an event in a few words, for counterexamples. */
export function nameOf(event: LifeEvent): string {
  switch (event.kind) {
    case 'end':
      return `${event.end} ${event.attempt}`;
    case 'claim':
      return `claim of ${event.claim} ${event.variant}`;
    case 'heard':
      return `heard ${event.outcome}`;
    default:
      return event.kind;
  }
}
