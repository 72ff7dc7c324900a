/** The REST doors, from the settings. */
import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';
import { registerRest } from '../http/rest/register-rest.ts';
import { createJoining, type JoinStore } from '../jobs/joining.ts';
import type { Cores } from '../resolvers/context.ts';
import type { OnStop } from './on-stop.ts';

/** What became of the last answers is recorded once the server is closed, and before the database is. */
export async function startRest(app: FastifyInstance, config: Config, cores: Cores, store: JoinStore, log: FastifyBaseLogger, onStop: OnStop) {
  const holdMs = 1_000 * config.REST_HOLD_SECONDS;
  const limits = { joinMs: 1_000 * config.REST_JOIN_SECONDS, holdMs, leaseMs: 1_000 * config.REST_LEASE_SECONDS };
  const joining = createJoining({ store, accept: cores.jobs.accept, instanceId: randomUUID(), limits, log });
  joining.start();
  onStop(() => joining.stop());
  return registerRest(app, { cores, joining, holding: { holdMs, maxPerKey: config.MAX_HELD_PER_KEY }, resetMs: 1_000 * config.REST_RESET_SECONDS, log });
}
