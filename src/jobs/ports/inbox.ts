/** The callback inbox: callbacks as received, and the verdicts on them. */
import type { Verdict } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';

interface Callback {
  readonly jobId: string;
  readonly attempt: number;
  readonly taskId: string | null;
  readonly bodyHash: string;
  readonly body: string;
  readonly verdict: Verdict;
}

export interface Inbox {
  /**
   * Stores a callback. Returns null if the job already has a callback with this body, or 100 callbacks with other
   * bodies. `anotherPends` is true if a claim of the job, for any task, is waiting to be judged.
   */
  keep(tx: Transaction, callback: Callback): Promise<{ readonly anotherPends: boolean } | null>;
  /** Changes the verdict on a stored claim to `PENDING`, so that a look-up decides. */
  leavePending(tx: Transaction, jobId: string, bodyHash: string): Promise<void>;
  /**
   * Returns task ids that callbacks of these jobs claimed and that no look-up has judged yet. Each call returns at most
   * 10 ids per job; further calls can return the others.
   */
  pendingClaims(jobIds: readonly string[]): Promise<readonly { readonly jobId: string; readonly taskId: string }[]>;
  judge(tx: Transaction, jobId: string, taskId: string, verdict: Verdict): Promise<void>;
}
