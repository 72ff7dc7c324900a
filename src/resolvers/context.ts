/** The context of resolvers, the same on both transports. */
import type { Caller } from '../accounts/caller.ts';
import type { Accounts } from '../accounts/index.ts';
import type { JobOperations } from '../jobs/operations.ts';
import type { Webhooks } from '../webhooks/index.ts';
import { createJobReads, type JobReads } from './job-reads.ts';

/** The cores that resolvers call. */
export interface Cores {
  readonly jobs: JobOperations;
  readonly accounts: Accounts;
  readonly webhooks: Webhooks;
}

export interface Context extends Cores {
  readonly caller: Caller;
  /** The address from which the request came; for IPv6, its network. */
  readonly address: string;
  /**
   * Each HTTP request has its own. All subscriptions share one, so that the cost of a change does not depend on the
   * number of subscribers.
   */
  readonly reads: JobReads;
  /** The key from the `Idempotency-Key` header; null if there is none or it does not apply to the operation. */
  idempotencyKey: string | null;
  /**
   * The header as it was sent, if its key is quoted; null otherwise. Versions up to 0.4.0 stored jobs under that
   * spelling.
   */
  formerIdempotencyKey: string | null;
  /** The same object in every copy of the context. */
  readonly progress: Progress;
}

/** The progress of the operation in accepting jobs. */
interface Progress {
  /** Accepting has begun: an operation that times out after this may have accepted a job. */
  accepting: boolean;
  /** A job was accepted: it exists even if the operation fails afterward. */
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
