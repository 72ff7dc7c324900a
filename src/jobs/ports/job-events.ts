/** Writes and reads the events of a job. */
import type { Transaction } from '../../transaction.ts';
import type { JobEvent, NewJobEvent } from '../model/job-event.ts';

/** A request for up to `limit` events of a job after the event `afterId`. */
export interface AskedEvents {
  readonly accountId: string;
  readonly jobId: string;
  readonly afterId: number;
  readonly limit: number;
}

export interface Timeline {
  /** Adds an event to the timeline of a job whose row `tx` has written or locked. */
  note(tx: Transaction, jobId: string, event: NewJobEvent): Promise<void>;
  /**
   * Returns the events for each request, in the order of the requests, with one statement. The list is empty for a job
   * that does not belong to the account.
   */
  listEvents(asked: readonly AskedEvents[]): Promise<readonly (readonly JobEvent[])[]>;
}
