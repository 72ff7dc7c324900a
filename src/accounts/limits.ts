/**
 * Rate limits of callers. Each instance counts requests separately, because they consume its time; submits are counted
 * over all instances, because they cost money.
 */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Caller } from './caller.ts';
import { RateLimitedError } from './errors.ts';
import type { AccountStore } from './ports.ts';

export interface LimitNumbers {
  readonly requestsPerMinute: number;
  readonly submitsPerMinute: number;
  readonly submitsPerMinutePerAccount: number;
  readonly webhooksPerMinute: number;
}

/** The state of a caller's rate limit, for the standard headers. */
interface Standing {
  readonly isOver: boolean;
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}

export interface Limits {
  /**
   * Counts an HTTP request, by key or, without a key, by network address. Administrators are counted separately, so
   * that other clients behind the same address cannot lock them out.
   */
  takeRequest(caller: Caller, address: string): Promise<Standing>;
  /** Counts one `generateMotion` or REST submit, whatever its result. Rejects with `RateLimitedError`. */
  takeSubmit(caller: Caller): Promise<void>;
  /**
   * Counts one webhook that a client requests explicitly. Such a webhook needs no job, so without a limit a client
   * could make us send requests to a third party's server at no cost. Rejects with `RateLimitedError`.
   */
  takeWebhook(accountId: string): Promise<void>;
}

export const WINDOW_SECONDS = 60;

export function createLimits(
  store: Pick<AccountStore, 'countInWindow'>,
  { requestsPerMinute, submitsPerMinute, submitsPerMinutePerAccount, webhooksPerMinute }: LimitNumbers,
): Limits {
  const requests = new RateLimiterMemory({ points: requestsPerMinute, duration: WINDOW_SECONDS });
  return {
    async takeRequest({ kind, keyId }, address) {
      const taken = await requests
        .consume(keyId ?? (kind === 'administrator' ? kind : `address ${address}`))
        .catch((error: unknown) => {
          if (error instanceof RateLimiterRes) return error;
          throw error;
        });
      // The library also counts requests beyond the limit.
      return {
        isOver: taken.consumedPoints > requestsPerMinute,
        limit: requestsPerMinute,
        remaining: taken.remainingPoints,
        resetSeconds: Math.ceil(taken.msBeforeNext / 1_000),
      };
    },

    async takeWebhook(accountId) {
      const [window] = await store.countInWindow([`webhooks asked for by ${accountId}`], WINDOW_SECONDS);
      if (window!.count > webhooksPerMinute)
        throw new RateLimitedError(
          `Rate limit exceeded: an account may request ${webhooksPerMinute} webhook deliveries per minute.`,
          window!.endsInSeconds,
        );
    },

    async takeSubmit({ keyId, accountId }) {
      const [byKey, ofAccount] = await store.countInWindow(
        [`submits by ${keyId ?? 'nobody'}`, `submits of ${accountId ?? 'nobody'}`],
        WINDOW_SECONDS,
      );
      if (byKey!.count > submitsPerMinute)
        throw new RateLimitedError(
          `Rate limit exceeded: a key may submit ${submitsPerMinute} jobs per minute.`,
          byKey!.endsInSeconds,
        );
      if (ofAccount!.count > submitsPerMinutePerAccount)
        throw new RateLimitedError(
          `Rate limit exceeded: an account may submit ${submitsPerMinutePerAccount} jobs per minute.`,
          ofAccount!.endsInSeconds,
        );
    },
  };
}
