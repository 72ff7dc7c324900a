/** What a resolver is given, the same on both transports. */
import type { Jobs } from '../jobs/index.ts';

/** The authenticated client of one request. */
export interface Caller {
  readonly accountId: string;
}

export interface Context {
  readonly caller: Caller;
  readonly jobs: Jobs;
  /** The `Idempotency-Key` header, where it counts. */
  idempotencyKey: string | null;
}
