/**
 * Effects of jobs on other parts of the gateway, in their order. Each runs in the transaction that changes the job, so
 * that it takes effect exactly when the change does.
 */
import type { AccountsCore } from '../accounts/index.ts';
import { afterCommit } from '../db/connection/transaction.ts';
import type { Metrics } from '../http/metrics.ts';
import type { Job } from '../jobs/model/job.ts';
import type { AcceptEffect, SettleEffect } from '../jobs/ports/effects.ts';

interface Parts {
  readonly accounts: AccountsCore;
  /** Makes the webhooks of a change due. */
  readonly notifyReceivers: SettleEffect;
  readonly metrics: Metrics;
}

export interface Effects {
  /** Run when a job is accepted. */
  readonly accept: readonly AcceptEffect[];
  /** Run when the upstream is known to be working on a job. */
  readonly process: readonly SettleEffect[];
  /** Run when a job ends. */
  readonly settle: readonly SettleEffect[];
}

export const createEffects = ({ accounts, notifyReceivers, metrics }: Parts): Effects => ({
  accept: [async (tx, job) => refusalOf(await accounts.quota.reserve(tx, job.accountId, job.id))],
  process: [notifyReceivers],
  settle: [
    (tx, job) => accounts.quota.settle(tx, toCharged(job), job.state === 'SUCCEEDED'),
    notifyReceivers,
    async (tx, job) => afterCommit(tx, () => metrics.countEnd(job)),
  ],
});

const refusalOf = (refused: { readonly remaining: number } | null) =>
  refused && ({ code: 'QUOTA_EXHAUSTED', ...refused } as const);

const toCharged = ({ id, accountId, video, input: { mode, model } }: Job) => ({
  id,
  accountId,
  billedSeconds: video?.durationSeconds ?? null,
  mode,
  model,
});
