/** What a resolver is given, the same on both transports. */
import DataLoader from 'dataloader';
import type { Jobs } from '../jobs/index.ts';
import type { Job } from '../jobs/job.ts';
import type { Outlook } from '../jobs/outlook.ts';

/** The authenticated client of one request. */
export interface Caller {
  readonly accountId: string;
}

export interface Context {
  readonly caller: Caller;
  readonly jobs: Jobs;
  /** The outlooks of all jobs in one answer, in one read; nothing is remembered, as a subscription's answers are many. */
  readonly outlooks: DataLoader<Job, Outlook>;
  /** The `Idempotency-Key` header, where it counts. */
  idempotencyKey: string | null;
  /** Whether a job was accepted: an error after that does not mean that there is none. */
  accepted: boolean;
}

export const createContext = (caller: Caller, jobs: Jobs): Context => ({
  caller,
  jobs,
  outlooks: new DataLoader((keys) => jobs.findOutlooks(keys), { cache: false }),
  idempotencyKey: null,
  accepted: false,
});
