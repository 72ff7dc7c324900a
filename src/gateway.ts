/** A running gateway: starts its parts in the order of their dependencies, and stops them in reverse order. */
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from './config.ts';
import { startAccounts } from './compose/accounts.ts';
import { connectDatabase, startDatabase } from './compose/database.ts';
import { createEffects } from './compose/effects.ts';
import { createHttp } from './compose/http.ts';
import { createJobsPart } from './compose/jobs.ts';
import { createLifecycle, type Setup } from './compose/lifecycle.ts';
import { listen } from './compose/listen.ts';
import { createFlatBody } from './compose/rest.ts';
import { startUpstream } from './compose/upstream.ts';
import { warmUp } from './compose/warm-up.ts';
import { startWebhooks } from './compose/webhooks.ts';
import { migrateDatabase } from './db/migrate.ts';
import { createMetrics, type Live } from './http/metrics.ts';
import { loadSecrets } from './secrets.ts';

export interface Gateway {
  /** URL on which the gateway listens, without a trailing slash. */
  readonly url: string;
  readonly sandboxUrl: string | null;
  /** URL by which the upstream reaches the gateway; null if results are found by polling only. */
  readonly publicUrl: string | null;
  /**
   * An ordinary key of the account `default`, which the playground fills in automatically; null unless the gateway runs
   * with the sandbox on a loopback host.
   */
  readonly apiKey: string | null;
  /**
   * Figures of everything that is open now, so that tests can verify that nothing is left over, and the number of
   * closed sockets by close code.
   */
  readonly live: Live;
  /**
   * Drains and stops the gateway: sockets first, then submits and requests in progress, the database last. Idempotent.
   */
  stop(): Promise<void>;
}

/**
 * Starts a gateway. Rejects with an error whose message is meant for the operator, after stopping everything that had
 * been started.
 */
export async function startGateway(config: Config, log: FastifyBaseLogger): Promise<Gateway> {
  const { onStop, stop } = createLifecycle(log);
  try {
    return { ...(await start({ config, log, onStop })), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(setup: Setup): Promise<Omit<Gateway, 'stop'>> {
  const { config, log, onStop } = setup;
  const databaseUrl = await startDatabase(setup);
  const secrets = await loadSecrets({ apiKey: config.API_KEY, appSecrets: config.APP_SECRET }, config.DATA_DIR);
  await migrateDatabase(databaseUrl);
  const database = await connectDatabase(setup, databaseUrl);
  const upstream = await startUpstream(setup, secrets.appSecrets);
  const accounts = await startAccounts(setup, secrets, database.accountsStore);
  const webhooks = startWebhooks(setup, {
    appSecrets: secrets.appSecrets,
    store: database.webhookStore,
    flatBodyOf: createFlatBody(database.store),
  });
  const metrics = createMetrics();
  const jobs = createJobsPart(setup, {
    database,
    upstream,
    effects: createEffects({ accounts: accounts.core, notifyReceivers: webhooks.effect, metrics }),
    appSecrets: secrets.appSecrets,
    checkWebhookUrl: webhooks.checkUrl,
    keepElsewhere: accounts.keep,
  });
  const cores = { jobs, accounts: accounts.core, webhooks: webhooks.core };
  const http = await createHttp(setup, { database, upstream, cores, jobs, metrics, openKey: accounts.openKey });

  await warmUp(database.urgentCount, jobs.rehearse, 1_000 * config.WARM_UP_SECONDS, log);
  const url = await listen(http.app, config);
  onStop(http.drain);
  upstream.listensOn(url);
  jobs.start();
  webhooks.start();
  upstream.sandbox?.resume();

  return {
    url,
    sandboxUrl: upstream.sandbox?.url ?? null,
    publicUrl: upstream.publicUrl(),
    apiKey: accounts.openKey,
    live: http.live,
  };
}
