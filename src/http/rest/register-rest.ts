/**
 * Registers the REST routes: the vendor's own routes on top of the gateway's cores, for clients written for the vendor.
 */
import type { FastifyInstance } from 'fastify';
import type { Rejoin } from '../../jobs/rejoin/rejoin.ts';
import type { Log } from '../../log.ts';
import type { Cores } from '../../resolvers/context.ts';
import type { Admission } from '../overload/admission.ts';
import type { ProxyCheck } from '../proxied.ts';
import { registerUpstreamRoutes } from '../../upstream/acedata/wire/routes.ts';
import { createAnswerWatch, type WatchTimes } from './answer-delivery.ts';
import { createHolding, type HoldingOptions } from './holding.ts';
import { describeRest } from './openapi.ts';
import { createRestService } from './service.ts';

export interface RestOptions {
  readonly cores: Cores;
  readonly rejoin: Rejoin;
  readonly holding: HoldingOptions;
  readonly watching: WatchTimes;
  readonly cameByProxy: ProxyCheck;
  readonly admission: Admission;
  readonly log: Log;
}

export interface RestDoors {
  /**
   * Answers every held request with 504 `timeout` now, so that its client repeats it at another instance and joins the
   * job.
   */
  stop(): void;
}

export async function registerRest(
  app: FastifyInstance,
  { cores, rejoin, holding: options, watching, cameByProxy, admission, log }: RestOptions,
): Promise<RestDoors> {
  const holding = createHolding(cores.jobs, cores.accounts, options, log);
  const { noteRequest, followAnswer } = createAnswerWatch(rejoin, watching, cameByProxy);
  app.server.prependListener('request', noteRequest);
  await registerUpstreamRoutes(app, createRestService({ cores, rejoin, holding, followAnswer, admission, log }));
  // Generated on the first request: at startup, it took one eighth of the CPU time.
  const descriptions = new Map<string, object>();
  app.get('/openapi.json', async (request) => {
    // A trailing slash in the path adds one level.
    const serverUrl = request.url.replace(/\?.*$/, '').endsWith('/') ? '..' : '.';
    const description = descriptions.get(serverUrl) ?? describeRest(serverUrl);
    descriptions.set(serverUrl, description);
    return description;
  });
  return { stop: holding.stop };
}
