/** Quota in jobs: the effects that accepting and settling a job have on its account, in the job's own transaction. */
import { remainingOf } from './account.ts';
import type { ChargedJob, QuotaStore } from './ports.ts';
import type { Transaction } from '../transaction.ts';

export interface QuotaEffects {
  /**
   * Reserves one job. Resolves with null on success, else with the number of jobs left, which is normally none; the
   * caller then rolls `tx` back.
   */
  reserve(tx: Transaction, accountId: string, jobId: string): Promise<{ readonly remaining: number } | null>;
  /**
   * Charges a job that succeeded. Releases it at any other end, even if the upstream may have charged us: that risk is
   * ours.
   */
  settle(tx: Transaction, job: ChargedJob, succeeded: boolean): Promise<void>;
}

export const createQuotaEffects = (store: QuotaStore): QuotaEffects => ({
  async reserve(tx, accountId, jobId) {
    if (await store.reserve(tx, accountId, jobId)) return null;
    // This read affects only the text of the refusal.
    const quota = await store.quotaOf(tx, accountId);
    return { remaining: quota ? (remainingOf(quota) ?? 0) : 0 };
  },
  settle: (tx, job, succeeded) => (succeeded ? store.charge(tx, job) : store.release(tx, job.id)),
});
