/** The timeline of a job: what was done and heard, in the order in which it became known. Nothing in it is secret. */
import { BadArgumentError } from './errors.ts';
import type { EventNames } from '../read/event-names.ts';
import type { Job, JobState } from './job.ts';
import type { Transaction } from '../../transaction.ts';
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

/** How an attempt to submit ended; they differ in whether it may have arrived. */
export const submitEndKinds = ['ACCEPTED', 'NEVER_SENT', 'REFUSED', 'AMBIGUOUS'] as const;
export type SubmitEndKind = (typeof submitEndKinds)[number];

/** What became of a callback. `PENDING` waits for a look-up; `SET_ASIDE` could not be worked on. */
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
  /** Rises within a job. */
  readonly id: number;
  readonly at: Date;
  readonly type: JobEventType;
  /** Where it took the job; null when it moved nothing. */
  readonly state: JobState | null;
  /** The job's version after it. */
  readonly version: number;
  readonly attempt: number | null;
  readonly submitEnd: SubmitEndKind | null;
  readonly httpStatus: number | null;
  readonly upstreamTraceId: string | null;
  readonly verdict: Verdict | null;
  /** For people. */
  readonly message: string | null;
}

export type NewJobEvent = Pick<JobEvent, 'type' | 'state' | 'version'> & Partial<Omit<JobEvent, 'id' | 'at'>>;

/** Up to `limit` events of a job after the event `afterId`. */
export interface AskedEvents {
  readonly accountId: string;
  readonly jobId: string;
  readonly afterId: number;
  readonly limit: number;
}

export interface Timeline {
  /** Adds to the timeline of a job whose row `tx` has written or locked. */
  note(tx: Transaction, jobId: string, event: NewJobEvent): Promise<void>;
  /** What is asked for, in that order, by one statement; empty for a job that is not of that account. */
  listEvents(asked: readonly AskedEvents[]): Promise<readonly (readonly JobEvent[])[]>;
}

export type EventDetails = Partial<Omit<JobEvent, 'id' | 'at' | 'type' | 'state' | 'version'>>;

/** An event that took the job where it is now. */
export const moved = (job: Job, type: JobEventType, details: EventDetails = {}): NewJobEvent => ({
  type,
  state: job.state,
  version: job.version,
  ...details,
});

/** An event that left the job in its state. */
const noted = (job: Job, type: JobEventType, details: EventDetails = {}): NewJobEvent => ({
  type,
  state: null,
  version: job.version,
  ...details,
});

/** An event, and what became of the job: `after` is null when nothing changed. */
export const told = (before: Job, after: Job | null, type: JobEventType, details: EventDetails = {}): NewJobEvent =>
  after !== null && after.state !== before.state ? moved(after, type, details) : noted(after ?? before, type, details);

const MAX_MESSAGE = 500;

/** How an attempt ended, without where it took the job. */
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

/** An event with its public name. */
export interface NamedEvent extends JobEvent {
  /** Public id and cursor. `JobEvent.id` is internal. */
  readonly name: string;
}

export interface TimelinePage {
  readonly events: readonly NamedEvent[];
  readonly hasNextPage: boolean;
}

export type ListTimeline = (
  accountId: string,
  jobId: string,
  page: { readonly first: number; readonly after?: string | null },
) => Promise<TimelinePage>;

const MAX_PAGE = 200;

/** Rejects with `BadArgumentError` for a page size outside 1 to 200 and a cursor that is not ours. */
export function createListTimeline(
  listEvents: (asked: AskedEvents) => Promise<readonly JobEvent[]>,
  names: EventNames,
): ListTimeline {
  return async (accountId, jobId, { first, after }) => {
    if (first < 1 || first > MAX_PAGE) throw new BadArgumentError(`"first" is from 1 to ${MAX_PAGE}.`);
    const afterId = after ? names.find(after) : 0;
    if (afterId === null) throw new BadArgumentError('"after" is not a cursor of this timeline.');
    const events = await listEvents({ accountId, jobId, afterId, limit: first + 1 });
    return {
      events: events.slice(0, first).map((event) => ({ ...event, name: names.nameOf(event.id) })),
      hasNextPage: events.length > first,
    };
  };
}
