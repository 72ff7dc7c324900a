/** The callback inbox: callbacks as they came, and what became of them. */
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
   * Null when the same body of the same job is already kept, or 100 others are; else whether a claim of the job, of
   * whatever task, waits to be judged.
   */
  keep(tx: Transaction, callback: Callback): Promise<{ readonly anotherPends: boolean } | null>;
  /** Leaves a claim that is kept to a look-up after all. */
  leavePending(tx: Transaction, jobId: string, bodyHash: string): Promise<void>;
  /**
   * Task ids that callbacks of these jobs claimed and no look-up has judged yet; at most 10 of a job, others another
   * time.
   */
  pendingClaims(jobIds: readonly string[]): Promise<readonly { readonly jobId: string; readonly taskId: string }[]>;
  judge(tx: Transaction, jobId: string, taskId: string, verdict: Verdict): Promise<void>;
}
