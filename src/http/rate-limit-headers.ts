/** Counting requests over HTTP, the same for every interface: each answer says how its caller stands. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../accounts/caller.ts';
import { RateLimitedError } from '../accounts/errors.ts';
import { WINDOW_SECONDS, type Limits } from '../accounts/limits.ts';
import { networkOf } from '../network/client-address.ts';

/** The account that an administrator acts for. */
export const ACCOUNT_HEADER = 'x-account-id';

/**
 * Counts a request and writes the RateLimit headers; resolves with the error to answer with when there were too many.
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
  return isOver ? new RateLimitedError(`There may be ${limit} requests in a minute.`, resetSeconds) : null;
}
