/**
 * Warms up a cold gateway: does the work that the first callbacks would have to wait for, before the gateway listens.
 */
import { setTimeout } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';

/**
 * Runs `rehearse` concurrently on `connections` connections, each of which is opened for it, for at most `limitMs`; 0
 * disables the warm-up. Never rejects: a gateway that is not warm is only slower at first.
 */
export async function warmUp(
  connections: number,
  rehearse: () => Promise<void>,
  limitMs: number,
  log: Pick<FastifyBaseLogger, 'info'>,
): Promise<void> {
  if (limitMs === 0) return;
  const from = performance.now();
  const late = new AbortController();
  let warm = 0;
  let failure: unknown = null;
  const one = () =>
    rehearse().then(
      () => void (warm += 1),
      (error: unknown) => void (failure = error),
    );
  const all = Promise.all(Array.from({ length: connections }, one));
  await Promise.race([all, setTimeout(limitMs, undefined, { signal: late.signal }).catch(() => undefined)]);
  late.abort();
  log.info(
    { warm, of: connections, ms: Math.round(performance.now() - from), ...(failure !== null && { err: failure }) },
    'connections for callbacks were warmed up',
  );
}
