/** Counts HTTP requests in the same way for every interface; each response reports the state of the rate limit. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../accounts/caller.ts';
import { RateLimitedError } from '../accounts/errors.ts';
import { WINDOW_SECONDS, type Limits } from '../accounts/limits.ts';
import { networkOf } from '../network/client-address.ts';

/** The header that names the account on whose behalf an administrator acts. */
export const ACCOUNT_HEADER = 'x-account-id';

/**
 * Counts a request and sets the RateLimit headers. Resolves with the error to respond with if the rate limit is
 * exceeded, else with null.
 */
export async function takeRequest(
  limits: Limits,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<RateLimitedError | null> {
  const { isOver, limit, remaining, resetSeconds } = await limits.takeRequest(caller, networkOf(request.ip));
  void reply.headers({
    'ratelimit-policy': `"requests";q=${limit};w=${WINDOW_SECONDS}`,
    ratelimit: `"requests";r=${remaining};t=${resetSeconds}`,
  });
  return isOver
    ? new RateLimitedError(`Rate limit exceeded: at most ${limit} requests per minute are allowed.`, resetSeconds)
    : null;
}
