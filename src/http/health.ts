/** `/livez` says that the process answers; `/readyz` whether to send it work. */
import type { FastifyInstance } from 'fastify';

export interface Health {
  isDraining(): boolean;
  isFeedListening(): boolean;
  /**
   * Why nothing, or only a probe, is submitted at the moment, or null; the reason is for the log, as anybody may ask
   * here. Rejects when the database cannot answer.
   */
  findPause(): Promise<string | null>;
  /** Whether the upstream's callbacks seem not to arrive. */
  isDeaf(): boolean;
  /** Whether load is shed at the moment. */
  isOverloaded(): boolean;
}

/**
 * 503 only when draining or without the database: trouble at the upstream is no reason to stop accepting jobs, they wait. Overload is none
 * either: a balancer that takes the instance out would take its callbacks away, and give the crowd to the next one. */
export function registerHealth(app: FastifyInstance, health: Health): void {
  let asked: Promise<string | null> | null = null;
  /** Anybody may ask, and as often as he likes: of the database one question at a time. */
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
      const deaf = health.isDeaf();
      const overloaded = health.isOverloaded();
      const degraded = pause !== null || feed !== 'ok' || deaf || overloaded;
      return {
        status: degraded ? 'degraded' : 'ok',
        database: 'ok',
        feed,
        upstream: pause === null ? 'ok' : 'paused',
        callbacks: deaf ? 'missing' : 'ok',
        load: overloaded ? 'shedding' : 'ok',
      };
    } catch {
      return reply.code(503).send({ status: 'unavailable', database: 'down' });
    }
  });
}
