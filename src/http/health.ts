/** Health checks: `/livez` reports that the process responds, `/readyz` whether it should receive traffic. */
import type { FastifyInstance } from 'fastify';

export interface Health {
  isDraining(): boolean;
  isFeedListening(): boolean;
  /**
   * Resolves with the reason why nothing, or only a probe, is submitted at the moment, or null. The reason is for the
   * log only, because the route is public. Rejects if the database does not respond.
   */
  findPause(): Promise<string | null>;
  /** Returns true if the upstream's callbacks seem not to arrive. */
  callbacksMissing(): boolean;
  /** Returns true while load is being shed. */
  isOverloaded(): boolean;
}

/**
 * Registers the health checks. `/readyz` answers 503 only while draining or without the database. Trouble at the
 * upstream is no reason to stop accepting jobs, because they wait. Overload is no reason either: a load balancer that
 * removes the instance would take its callbacks away and shift the load to the next one.
 */
export function registerHealth(app: FastifyInstance, health: Health): void {
  let asked: Promise<string | null> | null = null;
  /** Coalesces concurrent checks: the route is public, so at most one database query runs at a time. */
  const findPause = (): Promise<string | null> =>
    (asked ??= health.findPause().finally(() => {
      asked = null;
    }));

  app.get('/livez', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    if (health.isDraining()) return reply.code(503).send({ status: 'draining' });
    try {
      const pause = await findPause();
      const feed = health.isFeedListening() ? 'ok' : 'reconnecting';
      const missing = health.callbacksMissing();
      const overloaded = health.isOverloaded();
      const degraded = pause !== null || feed !== 'ok' || missing || overloaded;
      return {
        status: degraded ? 'degraded' : 'ok',
        database: 'ok',
        feed,
        upstream: pause === null ? 'ok' : 'paused',
        callbacks: missing ? 'missing' : 'ok',
        load: overloaded ? 'shedding' : 'ok',
      };
    } catch {
      return reply.code(503).send({ status: 'unavailable', database: 'down' });
    }
  });
}
