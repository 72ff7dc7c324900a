/** Creates the REST routes from the settings. */
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Admission } from '../http/overload/admission.ts';
import { endOf } from '../http/rest/task-of-job.ts';
import { createProxyCheck } from '../http/proxied.ts';
import { registerRest } from '../http/rest/register-rest.ts';
import { createRejoin } from '../jobs/rejoin/rejoin.ts';
import type { RejoinStore } from '../jobs/ports/rejoin.ts';
import type { Cores } from '../resolvers/context.ts';
import type { Setup } from './lifecycle.ts';
import type { FlatBody } from './webhooks.ts';

interface Parts {
  readonly cores: Cores;
  readonly store: RejoinStore;
  readonly admission: Admission;
}

/**
 * Starts the REST routes. At shutdown, the fate of the last answers is recorded after the server has closed and before
 * the database connections are closed.
 */
export async function startRest(
  { config, log, onStop }: Setup,
  app: FastifyInstance,
  { cores, store, admission }: Parts,
) {
  const holdMs = 1_000 * config.REST_HOLD_SECONDS;
  const limits = {
    joinMs: 1_000 * config.REST_JOIN_SECONDS,
    holdMs,
    leaseMs: 1_000 * config.REST_LEASE_SECONDS,
    doubtMs: 1_000 * config.REST_DOUBT_SECONDS,
    breakMs: 1_000 * config.REST_CLOSE_SECONDS,
  };
  const rejoin = createRejoin({ store, accept: cores.jobs.accept, instanceId: randomUUID(), limits, log });
  rejoin.start();
  onStop(() => rejoin.stop());
  const watching = { closeMs: 1_000 * config.REST_CLOSE_SECONDS, resetMs: 1_000 * config.REST_RESET_SECONDS };
  return registerRest(app, {
    cores,
    rejoin,
    holding: { holdMs, maxPerKey: config.MAX_HELD_PER_KEY, recheckMs: 1_000 * config.SOCKET_RECHECK_SECONDS },
    watching,
    cameByProxy: createProxyCheck(config.TRUST_PROXY),
    admission,
    log,
  });
}

/**
 * Creates the body that is sent to a job's `callback_url` at its end: the vendor's flat result, as a synchronous
 * request is answered.
 */
export const createFlatBody =
  (store: Pick<RejoinStore, 'findTraceId'>): FlatBody =>
  async (tx, job) =>
    JSON.stringify(endOf(job, (await store.findTraceId(tx, job.id)) ?? job.id)!.body);
