/** What a resolver is given, the same on both transports. */
import DataLoader from 'dataloader';
import type { Caller } from '../accounts/caller.ts';
import type { Accounts } from '../accounts/index.ts';
import type { Jobs } from '../jobs/index.ts';
import type { Job } from '../jobs/job.ts';
import type { Outlook } from '../jobs/outlook.ts';
import type { Webhooks } from '../webhooks/index.ts';

/** The cores that resolvers call. */
export interface Cores {
  readonly jobs: Jobs;
  readonly accounts: Accounts;
  readonly webhooks: Webhooks;
}

export interface Context extends Cores {
  readonly caller: Caller;
  /** The network address that the request came from, of IPv6 the network. */
  readonly address: string;
  /** The outlooks of all jobs in one answer, in one read; nothing is remembered, as a subscription's answers are many. */
  readonly outlooks: DataLoader<Job, Outlook>;
  /** The `Idempotency-Key` header, where it counts. */
  idempotencyKey: string | null;
  /** One object however often the context is copied on its way. */
  readonly progress: Progress;
}

/** How far the operation has come with accepting jobs. */
interface Progress {
  /** Accepting has begun: what takes too long after that may have accepted one. */
  accepting: boolean;
  /** One was accepted: an error after that does not mean that there is none. */
  accepted: boolean;
}

export const createContext = (caller: Caller, address: string, { jobs, accounts, webhooks }: Cores): Context => ({
  caller,
  address,
  jobs,
  accounts,
  webhooks,
  outlooks: new DataLoader((keys) => jobs.findOutlooks(keys), { cache: false }),
  idempotencyKey: null,
  progress: { accepting: false, accepted: false },
});
