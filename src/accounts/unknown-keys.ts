/** Limits unknown keys: each one costs a database read, and any client can make them up. */
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { RateLimitedError } from './errors.ts';

/**
 * Looks up a key by its hash. Rejects with `RateLimitedError`, without a database read, if the address has presented
 * too many unknown keys.
 */
export type FindKnown<Found> = (hash: string, address: string) => Promise<Found | null>;

const WINDOW_SECONDS = 60;

/**
 * Maximum number of keys that are remembered as valid at their last read. They are exempt from the limit, so that
 * guesses by other clients behind the same address do not lock them out. The database is still queried every time.
 */
const MAX_REMEMBERED = 10_000;

/**
 * Applies the limit to `find`. `perMinute` is the number of unknown keys that one address may present to each instance.
 */
export function createFindKnown<Found>(
  find: (hash: string) => Promise<Found | null>,
  perMinute: number,
): FindKnown<Found> {
  const unknown = new RateLimiterMemory({ points: perMinute, duration: WINDOW_SECONDS });
  const good = new Set<string>();
  return async (hash, address) => {
    if (!good.has(hash)) {
      const shown = await unknown.get(address);
      if (shown && shown.consumedPoints >= perMinute)
        throw new RateLimitedError(
          'Rate limit exceeded: too many unknown keys from this address.',
          Math.ceil(shown.msBeforeNext / 1_000),
        );
    }
    const found = await find(hash);
    good.delete(hash);
    if (!found) {
      await unknown.penalty(address);
      return null;
    }
    good.add(hash);
    if (good.size > MAX_REMEMBERED) good.delete(good.values().next().value!);
    return found;
  };
}
