/**
 * The composition root: creates a running gateway from the settings. Starts everything in order of dependency and stops
 * it in reverse order.
 */
import { lookup } from 'node:dns/promises';
import type { AddressInfo } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { deriveApiKey, hashApiKey } from './accounts/api-key.ts';
import { createAccounts, type AccountsCore } from './accounts/index.ts';
import type { Config } from './config.ts';
import { closePool, createConnections, withPatience } from './db/connection/client.ts';
import { startEmbeddedServer } from './db/embedded/server.ts';
import { explaining } from './db/connection/explain-error.ts';
import { startFeed } from './db/feed/feed.ts';
import { migrateDatabase } from './db/migrate.ts';
import { createAccountsStore, createJobStore, createWebhookStore } from './db/stores.ts';
import { afterCommit } from './db/connection/transaction.ts';
import { registerCallbacks } from './http/callback-route.ts';
import { registerHealth } from './http/health.ts';
import { createHostCheck } from './http/host-check.ts';
import { createMetrics, type Live } from './http/metrics.ts';
import { createOriginCheck } from './http/origin-check.ts';
import { createProxyCheck } from './http/proxied.ts';
import { registerPlayground } from './http/playground.ts';
import { createRefusalLog } from './http/refusal-log.ts';
import { closeServer, createServer } from './http/server.ts';
import { createEventNames } from './jobs/model/event-names.ts';
import { createJobs } from './jobs/index.ts';
import type { Job } from './jobs/model/job.ts';
import type { Transaction } from './transaction.ts';
import { loadSecrets, type Secrets } from './secrets.ts';
import { decodeClaim } from './upstream/acedata/callback-body.ts';
import { CALLBACK_PATH, createCallbackUrls } from './upstream/callback-url.ts';
import { createUpstreamClient } from './upstream/acedata/client.ts';
import { redactText } from './upstream/acedata/redact.ts';
import type { OnStop } from './compose/lifecycle.ts';
import { createFlatBody, startRest } from './compose/rest.ts';
import { startOverloadProtection } from './compose/overload.ts';
import { GRAPHQL_PATH, registerBothTransports } from './compose/graphql.ts';
import { warmUp } from './compose/warm-up.ts';
import { startWebhooks } from './compose/webhooks.ts';
import { startSandbox } from './upstream/sandbox/server.ts';

/** Retention period of rate limit windows, the longest of which lasts an hour. */
const KEEP_WINDOWS_DAYS = 7;

/**
 * If a pool hands out no connection for this long, the database is considered unavailable. The waiters are then
 * rejected before their own limits. For submits and callbacks, the limit is at least the statement timeout.
 */
const STALL_MS = { read: 1_500, submit: 3_000, callback: 5_000 } as const;

/** Account created by the migrations; it owns the jobs that were accepted before accounts existed. */
const DEFAULT_ACCOUNT = 'default';

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
  const stops: (() => Promise<unknown>)[] = [];
  let stopped: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    for (const stop of stops.reverse())
      await stop().catch((error: unknown) => log.error({ err: error }, 'a part did not stop cleanly'));
  };
  try {
    const running = await start(config, log, (stop) => stops.push(stop));
    return { ...running, stop: () => (stopped ??= stopAll()) };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function start(config: Config, log: FastifyBaseLogger, onStop: OnStop): Promise<Omit<Gateway, 'stop'>> {
  const databaseUrl = config.DATABASE_URL ?? (await startDatabase(config, log, onStop));
  const secrets = await loadSecrets({ apiKey: config.API_KEY, appSecrets: config.APP_SECRET }, config.DATA_DIR);
  await migrateDatabase(databaseUrl);
  const { store, urgentStore, healthStore, urgentCount, accountsStore, webhookStore, feed, takeDatabaseWaitMs } =
    await connect(config, databaseUrl, log, onStop);
  const sandbox = await startSandboxIfAsked(config, log, onStop);

  // With the sandbox, this defaults to our own address, which is known once we listen and before any job is submitted.
  let publicUrl = config.PUBLIC_URL;
  const callbackUrls = createCallbackUrls(secrets.appSecrets, () => publicUrl);
  const reachable = publicUrl !== null || sandbox !== null;
  const upstream = createUpstreamClient({
    id: config.UPSTREAM_ID,
    sandbox: sandbox !== null,
    baseUrl: sandbox?.url ?? config.ACEDATA_BASE_URL,
    token: config.ACEDATA_API_TOKEN ?? 'sandbox',
    callbackUrls,
    // The sandbox runs on this machine and is reached without a proxy.
    proxies: sandbox
      ? null
      : { httpsProxy: config.HTTPS_PROXY, httpProxy: config.HTTP_PROXY, noProxy: config.NO_PROXY },
    submitTimeoutMs: 1_000 * (config.SUBMIT_TIMEOUT_SECONDS ?? (reachable ? 30 : 330)),
  });
  onStop(() => upstream.stop());

  const open = sandbox !== null && isLoopback(config.HOST);
  const accounts = startAccounts(config, secrets, accountsStore, open);
  // This key gives access only to a sandbox on this machine: a page must never learn the key of a paid upstream.
  const openKeys = secrets.appSecrets.map(deriveApiKey);
  const openKey = open ? openKeys[0]! : null;
  // Ends the keys that pages and terminals may still hold from when this was an open sandbox.
  for (const known of openKeys) if (known !== openKey) await accounts.endKey(known);
  if (openKey !== null) await accounts.ensureKey(DEFAULT_ACCOUNT, openKey, 'playground and banner');

  const webhooks = startWebhooks(config, secrets.appSecrets, webhookStore, createFlatBody(store), log, onStop);
  const metrics = createMetrics();
  const jobs = createJobs({
    store,
    urgentStore,
    healthStore,
    feed,
    upstream,
    log,
    eventNames: createEventNames(secrets.appSecrets),
    admission: {
      maxInFlight: config.UPSTREAM_MAX_IN_FLIGHT,
      submitsPerSecond: config.UPSTREAM_SUBMITS_PER_SECOND,
      unconfirmedSlotMs: 1_000 * config.UNCONFIRMED_SLOT_SECONDS,
      jobDeadlineMs: 1_000 * config.JOB_DEADLINE_SECONDS,
    },
    pollSteps: {
      firstMs: 1_000 * (config.POLL_FIRST_SECONDS ?? (reachable ? 180 : 10)),
      intervalMs: 1_000 * (config.POLL_INTERVAL_SECONDS ?? (reachable ? 60 : 10)),
    },
    queueDeadlineMs: 1_000 * config.QUEUE_DEADLINE_SECONDS,
    maxUnreadJobs: config.MAX_UNREAD_JOBS,
    callbacks: {
      confirm: config.CALLBACK_CONFIRM,
      retry: { waitMs: 1_000 * config.CALLBACK_WAIT_SECONDS, maxWaiting: config.MAX_WAITING_OPERATIONS },
    },
    expectsCallbacks: reachable,
    listingLookup: config.LISTING_LOOKUP === 'on',
    keep: {
      jobsDays: config.KEEP_JOBS_DAYS,
      timelinesDays: config.KEEP_TIMELINES_DAYS,
      callbacksDays: config.KEEP_CALLBACKS_DAYS,
      spentKeysDays: config.KEEP_SPENT_KEYS_DAYS,
    },
    keepElsewhere: [
      // Spares the keys of the open sandbox: without its row, a revoked key would be created again.
      {
        kind: 'ended keys',
        days: config.KEEP_ENDED_KEYS_DAYS,
        deleteByAge: (days, limit) => accountsStore.deleteEndedKeysByAge(days, limit, openKeys.map(hashApiKey)),
      },
      {
        kind: 'changes of accounts',
        days: config.KEEP_ACCOUNT_LOG_DAYS,
        deleteByAge: accountsStore.deleteChangesByAge,
      },
      { kind: 'windows of limits', days: KEEP_WINDOWS_DAYS, deleteByAge: accountsStore.deleteWindowsByAge },
    ],
    acceptEffects: [async (tx, job) => refusalOf(await accounts.quota.reserve(tx, job.accountId, job.id))],
    settleEffects: [
      (tx, job) => accounts.quota.settle(tx, toCharged(job), job.state === 'SUCCEEDED'),
      webhooks.effect,
      async (tx, job) => afterCommit(tx, () => metrics.countEnd(job)),
    ],
    processEffects: [webhooks.effect],
    checkWebhookUrl: webhooks.checkUrl,
  });

  const allowedHosts = config.ALLOWED_HOSTS ?? (open ? LOOPBACK_NAMES : null);
  // The upstream reaches us by the public name.
  const edges = {
    isOurHost: createHostCheck(
      allowedHosts && [...allowedHosts, ...(publicUrl === null ? [] : [new URL(publicUrl).hostname])],
    ),
    // In an open sandbox, pages of a development server on this machine are allowed without a setting, because nothing
    // is paid.
    origins: createOriginCheck({
      origins: config.CORS_ORIGINS ?? [],
      allowsLoopback: open && config.CORS_ORIGINS === null,
      publicUrl,
      trustProxy: config.TRUST_PROXY,
    }),
    logRefusal: createRefusalLog(log),
  };
  const app = await createServer({
    logger: log,
    maxBodyBytes: config.MAX_BODY_BYTES,
    trustProxy: config.TRUST_PROXY,
    ...edges,
  });
  const { load, admission, acceptors } = startOverloadProtection(
    app,
    config,
    GRAPHQL_PATH,
    edges.origins,
    takeDatabaseWaitMs,
    log,
    onStop,
  );
  const rest =
    config.REST === 'on'
      ? await startRest(app, config, { jobs, accounts, webhooks: webhooks.core }, store, admission, log, onStop)
      : null;
  onStop(() => closeServer(app, acceptors, 1_000 * config.DRAIN_SECONDS));
  onStop(() => jobs.stop(1_000 * config.DRAIN_SECONDS));

  let draining = false;
  await registerCallbacks(
    app,
    { path: CALLBACK_PATH, verify: callbackUrls.verify, decode: decodeClaim, redact: redactText },
    (callback) => admission.prioritize(() => jobs.receiveCallback(callback)),
    config.MAX_BODY_BYTES,
  );
  registerHealth(app, {
    isDraining: () => draining,
    isFeedListening: feed.isListening,
    findPause: jobs.findPause,
    isDeaf: jobs.isDeaf,
    isOverloaded: () => load.overload() !== null,
  });
  if (config.PLAYGROUND)
    await registerPlayground(app, {
      graphqlPath: GRAPHQL_PATH,
      sandbox: sandbox !== null,
      openKey,
      cameByProxy: createProxyCheck(config.TRUST_PROXY),
    });
  metrics.register(app, accounts.authenticate, () => live);
  const sockets = await registerBothTransports(
    app,
    config,
    { jobs, accounts, webhooks: webhooks.core },
    admission,
    edges,
    log,
  );
  // Fastify runs these hooks after its server has closed, last in, first out, so requests on connections of the
  // acceptors are answered before Apollo stops.
  app.addHook('onClose', () => acceptors.close());
  const live = { sockets: sockets.count, watchers: jobs.watcherCount, closes: sockets.closes, load, admission };

  await warmUp(urgentCount, jobs.rehearse, 1_000 * config.WARM_UP_SECONDS, log);
  await app.listen({
    host: config.HOST === 'localhost' ? await addressOfLocalhost() : config.HOST,
    port: config.PORT,
    backlog: config.LISTEN_BACKLOG,
  });
  onStop(async () => {
    draining = true;
    rest?.stop();
    await sockets.stop();
  });
  const url = urlOf(config.HOST, (app.server.address() as AddressInfo).port);
  if (sandbox) publicUrl ??= url;
  jobs.start();
  webhooks.start();
  sandbox?.resume();

  return { url, sandboxUrl: sandbox?.url ?? null, publicUrl, apiKey: openKey, live };
}

async function startDatabase(config: Config, log: FastifyBaseLogger, onStop: OnStop): Promise<string> {
  const server = await startEmbeddedServer({
    dataDir: config.DATA_DIR,
    log: (level, message) => log[level]({}, message),
  });
  onStop(() => server.stop());
  return server.url;
}

async function connect(config: Config, databaseUrl: string, log: FastifyBaseLogger, onStop: OnStop) {
  // Logs only the message of the error, because the pool attaches the entire client to the error.
  const complain = (error: Error) => log.warn({ reason: error.message }, 'a database connection was lost');
  // Number of connections to keep open, so that a burst after a quiet minute finds as many of them open as one under
  // load.
  const urgentCount = Math.ceil(config.DATABASE_POOL_SIZE / 3);
  const statementTimeoutMs = 1_000 * config.STATEMENT_TIMEOUT_SECONDS;
  const options = { keepOpen: urgentCount, statementTimeoutMs };
  const connections = createConnections(databaseUrl, config.DATABASE_POOL_SIZE, complain, options);
  onStop(() => closePool(connections));
  // Callbacks and submit answers have a pool of their own, because each of them arrives only once. Clients that wait
  // for their jobs to be accepted must not delay the dispatch of jobs that are already accepted.
  const urgentConnections = createConnections(databaseUrl, urgentCount, complain, options);
  onStop(() => closePool(urgentConnections));
  // Health checks have a connection of their own. Otherwise a burst of callbacks that wait for connections would look
  // like an unavailable database, and a load balancer would route the callbacks elsewhere.
  const healthConnections = createConnections(databaseUrl, 1, complain, { keepOpen: 1, statementTimeoutMs });
  onStop(() => closePool(healthConnections));
  const feed = await explaining(() => startFeed(databaseUrl, (message) => log.warn({}, message)));
  onStop(() => feed.stop());
  const readConnections = withPatience(
    { waitMs: 1_000 * config.READ_WAIT_SECONDS, stallMs: STALL_MS.read },
    connections,
  );
  const submitConnections = withPatience(
    { waitMs: 1_000 * config.SUBMIT_WAIT_SECONDS, stallMs: Math.max(STALL_MS.submit, statementTimeoutMs) },
    connections,
  );
  const callbackConnections = withPatience(
    { waitMs: 1_000 * config.CALLBACK_WAIT_SECONDS, stallMs: Math.max(STALL_MS.callback, statementTimeoutMs) },
    urgentConnections,
  );
  return {
    store: createJobStore(readConnections, feed.announce, submitConnections),
    urgentStore: createJobStore(callbackConnections, feed.announce),
    healthStore: createJobStore(healthConnections),
    urgentCount,
    accountsStore: createAccountsStore(submitConnections),
    webhookStore: createWebhookStore(connections),
    feed,
    takeDatabaseWaitMs: () => connections.pool.takeLongestWaitMs(),
  };
}

function startAccounts(
  config: Config,
  { administratorKey, appSecrets }: Secrets,
  store: ReturnType<typeof createAccountsStore>,
  open: boolean,
): AccountsCore<Transaction> {
  const registration = {
    isOpen: (config.REGISTRATION ?? (open ? 'open' : 'closed')) === 'open',
    isLocal: open,
    freeQuota: config.FREE_QUOTA,
    allowedDomains: config.REGISTRATION_DOMAINS,
    freeQuotaPerDay: config.FREE_QUOTA_PER_DAY,
    perAddressPerHour: config.REGISTRATIONS_PER_HOUR,
  };
  return createAccounts({
    store,
    appSecrets,
    administratorKey,
    registration,
    maxLiveKeys: config.MAX_KEYS_PER_ACCOUNT,
    limits: {
      unknownKeysPerMinute: config.UNKNOWN_KEYS_PER_MINUTE,
      requestsPerMinute: config.REQUESTS_PER_MINUTE,
      submitsPerMinute: config.SUBMITS_PER_MINUTE,
      submitsPerMinutePerAccount: config.SUBMITS_PER_MINUTE_PER_ACCOUNT,
      webhooksPerMinute: config.WEBHOOKS_ASKED_PER_MINUTE,
    },
  });
}

const refusalOf = (refused: { readonly remaining: number } | null) =>
  refused && ({ code: 'QUOTA_EXHAUSTED', ...refused } as const);

const toCharged = ({ id, accountId, video, input: { mode, model } }: Job) => ({
  id,
  accountId,
  billedSeconds: video?.durationSeconds ?? null,
  mode,
  model,
});

async function startSandboxIfAsked(config: Config, log: FastifyBaseLogger, onStop: OnStop) {
  if (config.UPSTREAM !== 'sandbox') return null;
  const sandbox = await startSandbox({
    host: '127.0.0.1',
    port: config.SANDBOX_PORT,
    token: null,
    seconds: config.SANDBOX_SECONDS,
    journalFile: `${config.DATA_DIR}/sandbox-tasks.jsonl`,
    log,
  });
  onStop(() => sandbox.stop());
  return sandbox;
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);

/**
 * Returns one address of `localhost`, IPv4 if there is one. For each further address, Fastify would start another
 * server, to which connection limits, load shedding and the shutdown would not apply.
 */
async function addressOfLocalhost(): Promise<string> {
  const addresses = await lookup('localhost', { all: true });
  return (addresses.find(({ family }) => family === 4) ?? addresses[0]!).address;
}

/** Returns the URL by which a listener is reached from this machine; a wildcard host is reached over loopback. */
function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
