/** Quota in jobs: what accepting and settling a job do to its account, in the transaction of the job itself. */
import { remainingOf } from './account.ts';
import type { ChargedJob, QuotaStore } from './ports.ts';

export interface QuotaEffects<Tx> {
  /**
   * Resolves with null when one is reserved, else with how many were left, which is none: then the caller rolls `tx`
   * back.
   */
  reserve(tx: Tx, accountId: string, jobId: string): Promise<{ readonly remaining: number } | null>;
  /**
   * A job that succeeded is charged; at any other end it is released, also when the upstream may have charged us: that
   * is our risk.
   */
  settle(tx: Tx, job: ChargedJob, succeeded: boolean): Promise<void>;
}

export const createQuotaEffects = <Tx>(store: QuotaStore<Tx>): QuotaEffects<Tx> => ({
  async reserve(tx, accountId, jobId) {
    if (await store.reserve(tx, accountId, jobId)) return null;
    // Only words for the refusal depend on this read.
    const quota = await store.quotaOf(tx, accountId);
    return { remaining: quota ? (remainingOf(quota) ?? 0) : 0 };
  },
  settle: (tx, job, succeeded) => (succeeded ? store.charge(tx, job) : store.release(tx, job.id)),
});
