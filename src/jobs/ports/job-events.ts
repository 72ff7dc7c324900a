/** The events of a job: writing and reading them. */
import type { Transaction } from '../../transaction.ts';
import type { JobEvent, NewJobEvent } from '../model/job-event.ts';

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
