/** Creates webhooks and their egress from the settings. */
import type { createWebhookStore } from '../db/stores.ts';
import { afterCommit } from '../db/connection/transaction.ts';
import { createEgress } from '../egress/egress.ts';
import { isTerminal, type Job } from '../jobs/model/job.ts';
import { startLoop, type Loop } from '../concurrency/loop.ts';
import type { SettleEffect } from '../jobs/ports/effects.ts';
import type { Transaction } from '../transaction.ts';
import { viewOf } from '../jobs/read/job-json.ts';
import { createWebhooks } from '../webhooks/index.ts';
import type { Setup } from './lifecycle.ts';
import { UnavailableError } from '../errors.ts';

/** Returns the body about a job that has ended, for receivers that were written for the vendor's API. */
export type FlatBody = (tx: Transaction, job: Job) => Promise<string>;

interface Parts {
  readonly appSecrets: readonly string[];
  readonly store: ReturnType<typeof createWebhookStore>;
  readonly flatBodyOf: FlatBody;
}

/**
 * Creates the webhooks core. It is created before the jobs core, whose effects make deliveries due; delivery begins
 * when `start` is called.
 */
export function startWebhooks({ config, log, onStop }: Setup, { appSecrets, store, flatBodyOf }: Parts) {
  const egress = createEgress({
    allow: config.EGRESS_ALLOW,
    maxConnectionsPerHost: config.EGRESS_CONNECTIONS_PER_HOST,
    timeoutMs: 1_000 * config.EGRESS_TIMEOUT_SECONDS,
    maxAnswerBytes: config.EGRESS_ANSWER_BYTES,
  });
  onStop(() => egress.stop());
  let loop: Loop | undefined;
  const nudge = () => loop?.nudge();
  const core = createWebhooks({
    store,
    post: egress.post,
    checkUrl: egress.check,
    appSecrets,
    log,
    stepsMs: config.WEBHOOK_RETRY_SECONDS.map((seconds) => 1_000 * seconds),
    disableAfterMs: 1_000 * config.WEBHOOK_DISABLE_SECONDS,
    // An attempt waits up to twice its timeout for a connection and then takes up to one timeout; 10 s remain to record
    // it.
    leaseMs: 3_000 * config.EGRESS_TIMEOUT_SECONDS + 10_000,
    atOnce: config.MAX_WEBHOOKS_AT_ONCE,
    perHost: config.EGRESS_CONNECTIONS_PER_HOST,
    maxEndpoints: config.MAX_WEBHOOK_ENDPOINTS,
    keepDays: config.KEEP_WEBHOOKS_DAYS,
    nudge,
  });
  const effect: SettleEffect = async (tx, job) => {
    const own =
      job.webhook && isTerminal(job.state)
        ? { ...job.webhook, body: job.webhook.format === 'FLAT' ? await flatBodyOf(tx, job) : null }
        : null;
    const isWanted = await core.tell(tx, {
      accountId: job.accountId,
      jobId: job.id,
      type: eventTypeOf(job),
      at: job.updatedAt,
      view: viewOf(job),
      own,
    });
    if (isWanted) afterCommit(tx, nudge);
  };
  onStop(async () => {
    const graceMs = 1_000 * config.DRAIN_SECONDS;
    await Promise.all([loop?.stop(), core.deliverer.stop(graceMs)]);
    // Waits for the deliveries that the last round has started.
    await core.deliverer.stop(graceMs);
  });
  const complain = (error: unknown) =>
    log[error instanceof UnavailableError ? 'warn' : 'error']({ err: error }, 'delivering webhooks failed; retrying');
  return {
    core,
    effect,
    checkUrl: egress.check,
    start() {
      // Runs in the background: until it is done, and if it fails, every secret in the list still opens what it has
      // sealed.
      core
        .reseal()
        .catch((error: unknown) =>
          log.error({ err: error }, 'webhook secrets could not be resealed; the next start tries again'),
        );
      loop = startLoop(core.deliverer.runOnce, complain);
    },
  };
}

const eventTypeOf = ({ state }: Job) =>
  state === 'SUCCEEDED'
    ? 'motion_job.succeeded'
    : state === 'FAILED'
      ? 'motion_job.failed'
      : state === 'CANCELED'
        ? 'motion_job.canceled'
        : 'motion_job.processing';
