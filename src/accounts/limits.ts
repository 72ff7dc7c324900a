/**
 * How much a caller may ask for. Requests are counted by each instance for itself, because they cost it time; submits
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

/** How a caller stands with a limit, for the standard headers. */
interface Standing {
  readonly isOver: boolean;
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}

export interface Limits {
  /**
   * Counts a request over HTTP, by key or by address where there is none; administrators by themselves, whom strangers
   * behind their address must not keep out.
   */
  takeRequest(caller: Caller, address: string): Promise<Standing>;
  /** Counts one `generateMotion`, whatever comes of it. Rejects with `RateLimitedError`. */
  takeSubmit(caller: Caller): Promise<void>;
  /**
   * Counts one webhook that somebody asks for: without a job it costs us nothing to have somebody else's server posted
   * to. Rejects with `RateLimitedError`.
   */
  takeWebhook(accountId: string): Promise<void>;
}

export const WINDOW_SECONDS = 60;

export function createLimits<Tx>(
  store: Pick<AccountStore<Tx>, 'countInWindow'>,
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
      // The library counts what is over the limit too.
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
          `An account may ask for ${webhooksPerMinute} webhooks in a minute.`,
          window!.endsInSeconds,
        );
    },

    async takeSubmit({ keyId, accountId }) {
      const [byKey, ofAccount] = await store.countInWindow(
        [`submits by ${keyId ?? 'nobody'}`, `submits of ${accountId ?? 'nobody'}`],
        WINDOW_SECONDS,
      );
      if (byKey!.count > submitsPerMinute)
        throw new RateLimitedError(`This key may submit ${submitsPerMinute} jobs in a minute.`, byKey!.endsInSeconds);
      if (ofAccount!.count > submitsPerMinutePerAccount)
        throw new RateLimitedError(
          `The keys of this account may submit ${submitsPerMinutePerAccount} jobs in a minute.`,
          ofAccount!.endsInSeconds,
        );
    },
  };
}
