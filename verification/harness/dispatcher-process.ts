/**
 * Runs one dispatcher in its own process, without a gateway around it: with the real store, the real client of the
 * upstream, the real rules, and no pause after a job was claimed. It starts fast enough to be killed repeatedly.
 */
import { setTimeout } from 'node:timers/promises';
import { createConnections } from '../../src/db/connection/client.ts';
import { createJobStore } from '../../src/db/stores.ts';
import { createDispatcher } from '../../src/jobs/submit/dispatcher.ts';
import { createCallbackHealth } from '../../src/jobs/reconcile/callback-health.ts';
import type { Log } from '../../src/log.ts';
import { createReconciler } from '../../src/jobs/reconcile/reconcile.ts';
import { createSettle } from '../../src/jobs/settle/settle.ts';
import type { Claimed } from '../../src/jobs/submit/claim-next.ts';
import type { UpstreamLimits } from '../../src/jobs/model/admission-gate.ts';
import { createCallbackUrls } from '../../src/upstream/callback-url.ts';
import { createUpstreamClient } from '../../src/upstream/acedata/client.ts';

interface Options {
  readonly databaseUrl: string;
  readonly upstreamUrl: string;
  readonly upstreamId: string;
  readonly upstreamLimits: UpstreamLimits;
  readonly submitTimeoutMs: number;
  readonly lookMs: number;
  readonly reconcileMs: number;
}

const { databaseUrl, upstreamUrl, upstreamId, upstreamLimits, submitTimeoutMs, lookMs, reconcileMs } = JSON.parse(
  process.argv[2]!,
) as Options;

// The process must not outlive the harness.
process.on('disconnect', () => process.exit());

const quiet = () => undefined;
const log: Log = {
  info: quiet,
  warn: quiet,
  error: (fields, message) =>
    process.send?.({ error: `${message}: ${(fields as { err?: Error }).err?.message ?? ''}` }),
};
const store = createJobStore(createConnections(databaseUrl, 4, quiet));
const settle = createSettle({ store, log, effects: [] });
// No server listens at this address, so results are found by polling.
const callbackUrls = createCallbackUrls(['a-secret-of-the-verification-only'], () => 'http://127.0.0.1:9');
const upstream = createUpstreamClient({
  id: upstreamId,
  sandbox: false,
  baseUrl: upstreamUrl,
  token: 'token',
  callbackUrls,
  submitTimeoutMs,
});
const pollSteps = { firstMs: 300, intervalMs: 300 };
const dispatcher = createDispatcher({
  store,
  upstream,
  settle,
  upstreamLimits,
  firstPollMs: () => pollSteps.firstMs,
  firstListingMs: null,
  log,
});
const reconciler = createReconciler({
  store,
  upstream,
  settle,
  callbackHealth: createCallbackHealth({ history: store, upstreamId, pollSteps, expectsCallbacks: true, log }),
  jobDeadlineMs: upstreamLimits.jobDeadlineMs,
  queueDeadlineMs: 86_400_000,
  firstListingMs: null,
  log,
});
const { signal } = new AbortController();

const looks = async () => {
  for (;;) {
    const claimed = await dispatcher.claimNext().catch((): Claimed => ({ kind: 'wait', waitMs: lookMs }));
    if (claimed.kind === 'job') void dispatcher.submit(claimed.job, signal, claimed.isProbe).catch(quiet);
    else if (claimed.kind === 'unsure') void dispatcher.retract(claimed.job, signal).catch(quiet);
    else if (claimed.kind === 'probe') await dispatcher.probe(claimed.probedBy, signal).catch(quiet);
    else await setTimeout(Math.min(claimed.waitMs, lookMs));
  }
};
const reconciles = async () => {
  for (;;) {
    await reconciler.runOnce(signal).catch(quiet);
    await setTimeout(reconcileMs);
  }
};
process.send?.('ready');
await Promise.all([looks(), reconciles()]);
