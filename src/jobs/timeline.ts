/** The timeline of a job: what was heard and done, in the order in which it became known. Nothing in it is secret. */

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
export const verdicts = ['APPLIED', 'REPEATED', 'CONTRADICTED', 'PENDING', 'CONFIRMED', 'REFUTED', 'SET_ASIDE'] as const;
export type Verdict = (typeof verdicts)[number];
