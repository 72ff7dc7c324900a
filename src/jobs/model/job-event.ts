/** The timeline of a job: actions and observations in the order in which they became known. It contains no secrets. */
import type { Job, JobState } from './job.ts';
import type { SubmitEnd } from './upstream-news.ts';

export const jobEventTypes = [
  'ACCEPTED',
  'ATTEMPT_BEGUN',
  'ATTEMPT_ENDED',
  'LEASE_EXPIRED',
  'CALLBACK',
  'CLAIM_JUDGED',
  'POLL',
  'LISTING',
  'DEADLINE',
  'CANCEL_REQUESTED',
  'CANCELED',
] as const;
export type JobEventType = (typeof jobEventTypes)[number];

/** How an attempt to submit ended. The kinds differ in whether the attempt may have arrived. */
export const submitEndKinds = ['ACCEPTED', 'NEVER_SENT', 'REFUSED', 'AMBIGUOUS'] as const;
export type SubmitEndKind = (typeof submitEndKinds)[number];

/** Verdicts on a callback. `PENDING` waits for a look-up; `SET_ASIDE` could not be processed. */
export const verdicts = [
  'APPLIED',
  'REPEATED',
  'CONTRADICTED',
  'PENDING',
  'CONFIRMED',
  'REFUTED',
  'SET_ASIDE',
] as const;
export type Verdict = (typeof verdicts)[number];

export interface JobEvent {
  /** Number that increases within a job. */
  readonly id: number;
  readonly at: Date;
  readonly type: JobEventType;
  /** The state to which the event moved the job; null if it did not move the job. */
  readonly state: JobState | null;
  /** The job's version after the event. */
  readonly version: number;
  readonly attempt: number | null;
  readonly submitEnd: SubmitEndKind | null;
  readonly httpStatus: number | null;
  readonly upstreamTraceId: string | null;
  readonly verdict: Verdict | null;
  /** Human-readable description. */
  readonly message: string | null;
}

export type NewJobEvent = Pick<JobEvent, 'type' | 'state' | 'version'> & Partial<Omit<JobEvent, 'id' | 'at'>>;

export type EventDetails = Partial<Omit<JobEvent, 'id' | 'at' | 'type' | 'state' | 'version'>>;

/** Returns an event that moved the job to its current state. */
export const eventOf = (job: Job, type: JobEventType, details: EventDetails = {}): NewJobEvent => ({
  type,
  state: job.state,
  version: job.version,
  ...details,
});

/** Returns an event that left the job in its state. */
const eventWithoutMove = (job: Job, type: JobEventType, details: EventDetails = {}): NewJobEvent => ({
  type,
  state: null,
  version: job.version,
  ...details,
});

/** Returns an event that took the job from `before` to `after`; `after` is null if nothing changed. */
export const eventOfChange = (
  before: Job,
  after: Job | null,
  type: JobEventType,
  details: EventDetails = {},
): NewJobEvent =>
  after !== null && after.state !== before.state
    ? eventOf(after, type, details)
    : eventWithoutMove(after ?? before, type, details);

const MAX_MESSAGE = 500;

/** Returns the details of how an attempt ended, without the resulting state of the job. */
export function detailsOf(attempt: number, end: SubmitEnd): EventDetails {
  const kinds = { accepted: 'ACCEPTED', neverSent: 'NEVER_SENT', refused: 'REFUSED', ambiguous: 'AMBIGUOUS' } as const;
  return {
    attempt,
    submitEnd: kinds[end.kind],
    httpStatus: end.kind === 'accepted' ? 200 : end.kind === 'neverSent' ? null : end.httpStatus,
    upstreamTraceId: end.kind === 'neverSent' ? null : end.traceId,
    message: messageOf(end)?.slice(0, MAX_MESSAGE) ?? null,
  };
}

function messageOf(end: SubmitEnd): string | null {
  if (end.kind === 'accepted') return null;
  if (end.kind !== 'refused') return end.reason;
  if (end.refusal.kind === 'busy') return 'too many requests';
  return end.refusal.kind === 'blocked' ? end.refusal.reason : end.refusal.failure.message;
}
