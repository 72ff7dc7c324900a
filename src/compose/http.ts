/** The HTTP server and its routes, from the settings. */
import type { FastifyInstance } from 'fastify';
import { isOpenSandbox } from '../config.ts';
import { registerCallbacks } from '../http/callback-route.ts';
import { registerHealth } from '../http/health.ts';
import { createHostCheck } from '../http/host-check.ts';
import type { Live, Metrics } from '../http/metrics.ts';
import { createOriginCheck } from '../http/origin-check.ts';
import { registerPlayground } from '../http/playground.ts';
import { createProxyCheck } from '../http/proxied.ts';
import { createRefusalLog } from '../http/refusal-log.ts';
import { closeServer, createServer } from '../http/server.ts';
import type { JobEdge } from '../jobs/edge.ts';
import type { JobLifecycle } from '../jobs/index.ts';
import type { Cores } from '../resolvers/context.ts';
import { decodeClaim } from '../upstream/acedata/callback-body.ts';
import { redactText } from '../upstream/acedata/redact.ts';
import { CALLBACK_PATH } from '../upstream/callback-url.ts';
import type { Database } from './database.ts';
import { GRAPHQL_PATH, registerBothTransports, type Edges } from './graphql.ts';
import type { Setup } from './lifecycle.ts';
import { startOverloadProtection } from './overload.ts';
import { startRest } from './rest.ts';
import type { UpstreamPart } from './upstream.ts';

interface Parts {
  readonly database: Database;
  readonly upstream: UpstreamPart;
  readonly cores: Cores;
  readonly jobs: JobEdge & Pick<JobLifecycle, 'stop'>;
  readonly metrics: Metrics;
  readonly openKey: string | null;
}

export interface HttpPart {
  readonly app: FastifyInstance;
  readonly live: Live;
  /** Reports that the gateway stops to health checks, ends held requests, and closes the sockets. */
  drain(): Promise<void>;
}

/** Creates the server with all routes; it does not listen yet. */
export async function createHttp(setup: Setup, parts: Parts): Promise<HttpPart> {
  const { config, log, onStop } = setup;
  const { database, upstream, cores, jobs, metrics } = parts;
  const edges = createEdges(setup, upstream.publicUrl());
  const app = await createServer({
    logger: log,
    maxBodyBytes: config.MAX_BODY_BYTES,
    trustProxy: config.TRUST_PROXY,
    ...edges,
  });
  const { load, admission, acceptors } = startOverloadProtection(setup, app, {
    graphqlPath: GRAPHQL_PATH,
    origins: edges.origins,
    takeDatabaseWaitMs: database.takeWaitMs,
  });
  const rest = config.REST === 'on' ? await startRest(setup, app, { cores, store: database.store, admission }) : null;
  onStop(() => closeServer(app, acceptors, 1_000 * config.DRAIN_SECONDS));
  onStop(() => jobs.stop(1_000 * config.DRAIN_SECONDS));

  let isDraining = false;
  await registerCallbacks(
    app,
    { path: CALLBACK_PATH, verify: upstream.verifyCallback, decode: decodeClaim, redact: redactText },
    (callback) => admission.prioritize(() => jobs.receiveCallback(callback)),
    config.MAX_BODY_BYTES,
  );
  registerHealth(app, {
    isDraining: () => isDraining,
    isFeedListening: database.feed.isListening,
    findPause: jobs.findPause,
    callbacksMissing: jobs.callbacksMissing,
    isOverloaded: () => load.overload() !== null,
  });
  if (config.PLAYGROUND)
    await registerPlayground(app, {
      graphqlPath: GRAPHQL_PATH,
      sandbox: upstream.sandbox !== null,
      openKey: parts.openKey,
      cameByProxy: createProxyCheck(config.TRUST_PROXY),
    });
  metrics.register(app, cores.accounts.authenticate, () => live);
  const sockets = await registerBothTransports(setup, app, { cores, admission, edges });
  // Fastify runs these hooks after its server has closed, last in, first out, so requests on connections of the
  // acceptors are answered before Apollo stops.
  app.addHook('onClose', () => acceptors.close());
  const live: Live = { sockets: sockets.count, watchers: jobs.watcherCount, closes: sockets.closes, load, admission };
  return {
    app,
    live,
    async drain() {
      isDraining = true;
      rest?.stop();
      await sockets.stop();
    },
  };
}

function createEdges({ config, log }: Setup, publicUrl: string | null): Edges {
  const isOpen = isOpenSandbox(config);
  const allowedHosts = config.ALLOWED_HOSTS;
  return {
    // The upstream reaches the gateway by its public name.
    isOurHost: createHostCheck(
      allowedHosts && [...allowedHosts, ...(publicUrl === null ? [] : [new URL(publicUrl).hostname])],
    ),
    // In an open sandbox, pages of a development server on this machine are allowed without a setting, because nothing
    // is paid.
    origins: createOriginCheck({
      origins: config.CORS_ORIGINS ?? [],
      allowsLoopback: isOpen && config.CORS_ORIGINS === null,
      publicUrl,
      trustProxy: config.TRUST_PROXY,
    }),
    logRefusal: createRefusalLog(log),
  };
}
