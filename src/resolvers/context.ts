/** What a resolver is given, the same on both transports. */
import type { Caller } from '../accounts/caller.ts';
import type { Accounts } from '../accounts/index.ts';
import type { Jobs } from '../jobs/index.ts';
import type { Webhooks } from '../webhooks/index.ts';
import { createJobReads, type JobReads } from './job-reads.ts';

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
  /** Of a request its own; all subscriptions share theirs, so that a change costs the same however many hear of it. */
  readonly reads: JobReads;
  /** The `Idempotency-Key` header, where it counts. */
  idempotencyKey: string | null;
  /** The header as it was sent, where its key is inside quotes: jobs of 0.4.0 and earlier were stored by that. */
  formerIdempotencyKey: string | null;
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

export const createContext = (
  caller: Caller,
  address: string,
  { jobs, accounts, webhooks }: Cores,
  reads: JobReads = createJobReads(jobs),
): Context => ({
  caller,
  address,
  jobs,
  accounts,
  webhooks,
  reads,
  idempotencyKey: null,
  formerIdempotencyKey: null,
  progress: { accepting: false, accepted: false },
});
