/** The composition root: settings in, a running gateway out. Everything is started in order of need and stopped in the reverse. */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { deriveApiKey } from './accounts/api-key.ts';
import { createAccounts, type AccountsCore } from './accounts/index.ts';
import type { Config } from './config.ts';
import { closePool, createConnections } from './db/client.ts';
import { createEgress } from './egress/egress.ts';
import { startEmbeddedServer } from './db/embedded/server.ts';
import { startFeed } from './db/feed.ts';
import { migrateDatabase } from './db/migrate.ts';
import { createAccountsStore, createJobStore, createWebhookStore } from './db/store.ts';
import { afterCommit } from './db/transaction.ts';
import { registerCallbacks } from './http/callbacks.ts';
import { registerGraphQL } from './http/graphql-http.ts';
import { startSockets } from './http/graphql-ws.ts';
import { registerHealth } from './http/health.ts';
import { createHostCheck, type HostCheck } from './http/host-check.ts';
import { createMaskError } from './http/mask-errors.ts';
import { createMetrics, type Live } from './http/metrics.ts';
import { createGate, createOperationRules } from './http/operation-gate.ts';
import { registerPlayground } from './http/playground.ts';
import { registerRest } from './http/rest/register-rest.ts';
import { closeServer, createServer } from './http/server.ts';
import { createJobs } from './jobs/index.ts';
import { isTerminal, type Job } from './jobs/job.ts';
import { createJoining, type JoinStore } from './jobs/joining.ts';
import { startLoop, type Loop } from './jobs/loop.ts';
import type { SettleEffect } from './jobs/ports.ts';
import type { Transaction } from './jobs/transaction.ts';
import { viewOf } from './jobs/view.ts';
import { buildGatewaySchema } from './resolvers/build-schema.ts';
import type { Cores } from './resolvers/context.ts';
import { loadSecrets, type Secrets } from './secrets.ts';
import { decodeClaim } from './upstream/callback-body.ts';
import { CALLBACK_PATH, createCallbackUrls } from './upstream/callback-url.ts';
import { createUpstreamClient } from './upstream/client.ts';
import { redactText } from './upstream/redact.ts';
import { startSandbox } from './upstream/sandbox/server.ts';
import { createWebhooks } from './webhooks/index.ts';

const GRAPHQL_PATH = '/graphql';

/** Made by the migrations; what was accepted before there were accounts is its. */
const DEFAULT_ACCOUNT = 'default';

export interface Gateway {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  readonly sandboxUrl: string | null;
  /** How the upstream reaches us; null when results are found by polling only. */
  readonly publicUrl: string | null;
  /** An ordinary key of the account `default`, which the playground fills in by itself; null unless the sandbox is on a loopback host. */
  readonly apiKey: string | null;
  /** What is open now, for tests that nothing is left over; and how many sockets have closed, by their code. */
  readonly live: Live;
  /** Drains and stops: sockets first, then submits and requests under way, the database last. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a gateway. Rejects with an error whose message is for an operator; what had been started by then is stopped. */
export async function startGateway(config: Config, log: FastifyBaseLogger): Promise<Gateway> {
  const stops: (() => Promise<unknown>)[] = [];
  let stopped: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    for (const stop of stops.reverse()) await stop().catch((error: unknown) => log.error({ err: error }, 'a part did not stop cleanly'));
  };
  try {
    const running = await start(config, log, (stop) => stops.push(stop));
    return { ...running, stop: () => (stopped ??= stopAll()) };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

type OnStop = (stop: () => Promise<unknown>) => void;

async function start(config: Config, log: FastifyBaseLogger, onStop: OnStop): Promise<Omit<Gateway, 'stop'>> {
  const databaseUrl = config.DATABASE_URL ?? (await startDatabase(config, log, onStop));
  const secrets = await loadSecrets({ apiKey: config.API_KEY, appSecrets: config.APP_SECRET }, config.DATA_DIR);
  await migrateDatabase(databaseUrl);
  const { store, urgentStore, accountsStore, webhookStore, feed } = await connect(config, databaseUrl, log, onStop);
  const sandbox = await startSandboxIfAsked(config, log, onStop);

  // With the sandbox it is our own address, which is known once we listen: before anything is submitted.
  let publicUrl = config.PUBLIC_URL;
  const callbackUrls = createCallbackUrls(secrets.appSecrets, () => publicUrl);
  const reachable = publicUrl !== null || sandbox !== null;
  const upstream = createUpstreamClient({
    id: config.UPSTREAM_ID,
    sandbox: sandbox !== null,
    baseUrl: sandbox?.url ?? config.ACEDATA_BASE_URL,
    token: config.ACEDATA_API_TOKEN ?? 'sandbox',
    callbackUrls,
    submitTimeoutMs: 1_000 * (config.SUBMIT_TIMEOUT_SECONDS ?? (reachable ? 30 : 330)),
  });
  onStop(() => upstream.stop());

  const open = sandbox !== null && isLoopback(config.HOST);
  const accounts = startAccounts(config, secrets, accountsStore, open);
  // A key that opens nothing but a sandbox on this machine: a page must never learn the key of a paid upstream.
  const openKeys = secrets.appSecrets.map(deriveApiKey);
  const openKey = open ? openKeys[0]! : null;
  // Pages and terminals know it from when this was an open sandbox.
  for (const known of openKeys) if (known !== openKey) await accounts.endKey(known);
  if (openKey !== null) await accounts.ensureKey(DEFAULT_ACCOUNT, openKey, 'playground and banner');

  const webhooks = startWebhooks(config, secrets, webhookStore, log, onStop);
  const metrics = createMetrics();
  const jobs = createJobs({
    store,
    urgentStore,
    feed,
    upstream,
    log,
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
    callbackConfirm: config.CALLBACK_CONFIRM,
    expectsCallbacks: reachable,
    listingLookup: config.LISTING_LOOKUP === 'on',
    keep: {
      jobsDays: config.KEEP_JOBS_DAYS,
      timelinesDays: config.KEEP_TIMELINES_DAYS,
      callbacksDays: config.KEEP_CALLBACKS_DAYS,
      spentKeysDays: config.KEEP_SPENT_KEYS_DAYS,
    },
    acceptEffects: [async (tx, job) => refusalOf(await accounts.quota.reserve(tx, job.accountId, job.id))],
    settleEffects: [(tx, job) => accounts.quota.settle(tx, toCharged(job), job.state === 'SUCCEEDED'), webhooks.effect, async (tx, job) => afterCommit(tx, () => metrics.countEnd(job))],
    processEffects: [webhooks.effect],
    checkWebhookUrl: webhooks.checkUrl,
  });

  const allowedHosts = config.ALLOWED_HOSTS ?? (open ? LOOPBACK_NAMES : null);
  // The upstream calls us by the public name.
  const isOurHost = createHostCheck(allowedHosts && [...allowedHosts, ...(publicUrl === null ? [] : [new URL(publicUrl).hostname])]);
  const app = await createServer({ logger: log, maxBodyBytes: config.MAX_BODY_BYTES, trustProxy: config.TRUST_PROXY, corsOrigins: config.CORS_ORIGINS, isOurHost });
  const rest = config.REST === 'on' ? await startRest(app, config, { jobs, accounts, webhooks: webhooks.core }, store, log, onStop) : null;
  onStop(() => closeServer(app, 1_000 * config.DRAIN_SECONDS));
  onStop(() => jobs.stop(1_000 * config.DRAIN_SECONDS));

  let draining = false;
  await registerCallbacks(app, { path: CALLBACK_PATH, verify: callbackUrls.verify, decode: decodeClaim, redact: redactText }, jobs.receiveCallback, config.MAX_BODY_BYTES);
  registerHealth(app, { isDraining: () => draining, isFeedListening: feed.isListening, findPause: jobs.findPause, isDeaf: jobs.isDeaf });
  if (config.PLAYGROUND) await registerPlayground(app, { graphqlPath: GRAPHQL_PATH, sandbox: sandbox !== null, openKey });
  metrics.register(app, accounts.authenticate, () => live);
  const sockets = await registerBothTransports(app, config, { jobs, accounts, webhooks: webhooks.core }, isOurHost, log);
  const live = { sockets: sockets.count, watchers: jobs.watcherCount, closes: sockets.closes };

  await app.listen({ host: config.HOST, port: config.PORT });
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
  const server = await startEmbeddedServer({ dataDir: config.DATA_DIR, log: (level, message) => log[level]({}, message) });
  onStop(() => server.stop());
  return server.url;
}

async function connect(config: Config, databaseUrl: string, log: FastifyBaseLogger, onStop: OnStop) {
  // Not the error itself: the pool hangs the whole client on it.
  const complain = (error: Error) => log.warn({ reason: error.message }, 'a database connection was lost');
  const connections = createConnections(databaseUrl, config.DATABASE_POOL_SIZE, complain);
  onStop(() => closePool(connections));
  // Callbacks and submit answers are heard once, and a crowd of clients that all want to have jobs accepted must not keep the accepted ones from getting out.
  const urgentConnections = createConnections(databaseUrl, Math.ceil(config.DATABASE_POOL_SIZE / 3), complain);
  onStop(() => closePool(urgentConnections));
  const feed = await startFeed(databaseUrl, (message) => log.warn({}, message));
  onStop(() => feed.stop());
  return { store: createJobStore(connections), urgentStore: createJobStore(urgentConnections), accountsStore: createAccountsStore(connections), webhookStore: createWebhookStore(connections), feed };
}

function startAccounts(config: Config, { administratorKey, appSecrets }: Secrets, store: ReturnType<typeof createAccountsStore>, open: boolean): AccountsCore<Transaction> {
  const registration = {
    isOpen: (config.REGISTRATION ?? (open ? 'open' : 'closed')) === 'open',
    isLocal: open,
    freeQuota: config.FREE_QUOTA,
    allowedDomains: config.REGISTRATION_DOMAINS,
    freeQuotaPerDay: config.FREE_QUOTA_PER_DAY,
    perAddressPerHour: config.REGISTRATIONS_PER_HOUR,
  };
  return createAccounts({ store, appSecrets, administratorKey, registration, maxLiveKeys: config.MAX_KEYS_PER_ACCOUNT, limits: { requestsPerMinute: config.REQUESTS_PER_MINUTE, submitsPerMinute: config.SUBMITS_PER_MINUTE } });
}

/** Made before the jobs, which make them due; delivered once `start` is called. */
function startWebhooks(config: Config, { appSecrets }: Secrets, store: ReturnType<typeof createWebhookStore>, log: FastifyBaseLogger, onStop: OnStop) {
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
    // A try waits at most twice its time for a connection, and has as long again to be recorded.
    leaseMs: 3_000 * config.EGRESS_TIMEOUT_SECONDS + 10_000,
    atOnce: config.MAX_WEBHOOKS_AT_ONCE,
    maxEndpoints: config.MAX_WEBHOOK_ENDPOINTS,
    keepDays: config.KEEP_WEBHOOKS_DAYS,
    nudge,
  });
  const effect: SettleEffect = async (tx, job) => {
    const own = job.webhook && isTerminal(job.state) ? { ...job.webhook, body: null } : null;
    const due = await core.tell(tx, { accountId: job.accountId, jobId: job.id, type: eventTypeOf(job), at: job.updatedAt, view: viewOf(job), own });
    if (due > 0) afterCommit(tx, nudge);
  };
  onStop(async () => {
    const graceMs = 1_000 * config.DRAIN_SECONDS;
    await Promise.all([loop?.stop(), core.deliverer.stop(graceMs)]);
    // What the last round has begun.
    await core.deliverer.stop(graceMs);
  });
  const complain = (error: unknown) => log.error({ err: error }, 'delivering webhooks failed; it goes on');
  return { core, effect, checkUrl: egress.check, start: () => void (loop = startLoop(core.deliverer.runOnce, complain)) };
}

const eventTypeOf = ({ state }: Job) => (state === 'SUCCEEDED' ? 'motion_job.succeeded' : state === 'FAILED' ? 'motion_job.failed' : state === 'CANCELED' ? 'motion_job.canceled' : 'motion_job.processing');

const refusalOf = (refused: { readonly remaining: number } | null) => refused && ({ code: 'QUOTA_EXHAUSTED', ...refused } as const);

const toCharged = ({ id, accountId, video, input: { mode, model } }: Job) => ({ id, accountId, billedSeconds: video?.durationSeconds ?? null, mode, model });

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

async function registerBothTransports(app: FastifyInstance, config: Config, cores: Cores, isOurHost: HostCheck, log: FastifyBaseLogger) {
  const schema = await buildGatewaySchema();
  const rules = createOperationRules(
    { maxDepth: config.MAX_DEPTH, maxAliases: config.MAX_ALIASES, maxDirectives: config.MAX_DIRECTIVES, maxFieldRepeats: config.MAX_FIELD_REPEATS, maxCost: config.MAX_COST },
    config.INTROSPECTION,
  );
  const shared = {
    path: GRAPHQL_PATH,
    schema,
    cores,
    authenticate: cores.accounts.authenticate,
    gate: createGate(schema, rules, config.MAX_TOKENS),
    rules,
    maxTokens: config.MAX_TOKENS,
    operationTimeoutMs: 1_000 * config.OPERATION_TIMEOUT_SECONDS,
    maskError: createMaskError(log, config.INTROSPECTION),
    log,
  };
  await registerGraphQL(app, shared);
  return startSockets(app.server, {
    ...shared,
    maxMessageBytes: config.MAX_BODY_BYTES,
    maxSubscriptionsPerSocket: config.MAX_SUBSCRIPTIONS_PER_SOCKET,
    initWaitMs: 1_000 * config.SOCKET_INIT_SECONDS,
    recheckMs: 1_000 * config.SOCKET_RECHECK_SECONDS,
    findEnded: cores.accounts.findEnded,
    allowedOrigins: config.CORS_ORIGINS,
    pingMs: 1_000 * config.SOCKET_PING_SECONDS,
    maxBufferedBytes: config.MAX_BUFFERED_BYTES,
    maxUnsentMs: 1_000 * config.MAX_UNSENT_SECONDS,
    messagesPerSecond: config.SOCKET_MESSAGES_PER_SECOND,
    stopSpreadMs: 1_000 * config.SOCKET_STOP_SECONDS,
    door: { maxPerAddress: config.MAX_SOCKETS_PER_ADDRESS, maxPerKey: config.MAX_SOCKETS_PER_KEY, maxSubscriptionsPerKey: config.MAX_SUBSCRIPTIONS_PER_KEY },
    trustProxy: config.TRUST_PROXY,
    isOurHost,
  });
}

/** What became of the last answers is recorded once the server is closed, and before the database is. */
async function startRest(app: FastifyInstance, config: Config, cores: Cores, store: JoinStore, log: FastifyBaseLogger, onStop: OnStop) {
  const holdMs = 1_000 * config.REST_HOLD_SECONDS;
  const limits = { joinMs: 1_000 * config.REST_JOIN_SECONDS, holdMs, leaseMs: 1_000 * config.REST_LEASE_SECONDS };
  const joining = createJoining({ store, accept: cores.jobs.accept, instanceId: randomUUID(), limits, log });
  joining.start();
  onStop(() => joining.stop());
  return registerRest(app, { cores, joining, holding: { holdMs, maxPerKey: config.MAX_HELD_PER_KEY }, resetMs: 1_000 * config.REST_RESET_SECONDS, log });
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);

/** The address to reach a listener by from this machine: a wildcard host is reached over loopback. */
function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
