/** Keys that open nothing: each costs the database a read, and anybody can make them up. */
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { RateLimitedError } from './errors.ts';

/**
 * Looks a key up by its hash, unless its address has shown too many that are not known; then rejects with
 * `RateLimitedError`, without asking.
 */
export type FindKnown<Found> = (hash: string, address: string) => Promise<Found | null>;

const WINDOW_SECONDS = 60;

/**
 * Keys that were good when they were last looked up: somebody else's guesses behind the same address do not keep them
 * out. They are asked for every time all the same.
 */
const MAX_REMEMBERED = 10_000;

/** `perMinute` is how many an address may show that are not known, at each instance. */
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
          'Too many keys that are not known came from this address.',
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
