/** Decides whether a request joins an earlier one with the same API key and body. Pure function. */
import type { EarlierRequest } from '../ports/rejoin.ts';

export interface JoinLimits {
  /** How long a request can be joined after it was left unanswered. */
  readonly joinMs: number;
  /** The maximum time for which a connection is held. */
  readonly holdMs: number;
  /** An instance that does not respond for this long is considered dead, and its connections closed. */
  readonly leaseMs: number;
  /** How long a request can be joined after it got an answer whose arrival is uncertain. */
  readonly doubtMs: number;
  /** The time within which an instance detects a broken connection, counted from the client's next request. */
  readonly breakMs: number;
}

export type Match =
  | { readonly kind: 'none' }
  | { readonly kind: 'joined'; readonly jobId: string }
  /** It is not known whether the connections of these requests are still open. */
  | { readonly kind: 'unsure'; readonly jobIds: readonly string[] };

/**
 * Times by the database's clock. The request that is checked arrived at `arrivedMs`. A connection that is open at
 * `sinceMs` or later shows that its client has not given it up.
 */
export interface Arrival {
  readonly arrivedMs: number;
  readonly sinceMs: number;
}

/**
 * Decides by the earlier requests, newest first. An open request counts as healthy if its connection was seen open at
 * `sinceMs` or later, because a client gives up a connection before it repeats the request. For the same reason, a
 * request does not repeat one whose answer was written after the request arrived, even if that answer is in doubt.
 */
export function matchEarlier(
  earlier: readonly EarlierRequest[],
  { arrivedMs, sinceMs }: Arrival,
  { joinMs, leaseMs }: Pick<JoinLimits, 'joinMs' | 'leaseMs'>,
): Match {
  const unanswered = earlier.find(({ state, unansweredForMs, doubtfulSinceMs, askedForMs }) => {
    if (state === 'OPEN') return askedForMs !== null && askedForMs >= leaseMs;
    return (
      unansweredForMs !== null && unansweredForMs < joinMs && (doubtfulSinceMs === null || doubtfulSinceMs <= arrivedMs)
    );
  });
  if (unanswered) return { kind: 'joined', jobId: unanswered.jobId };
  const unsure = earlier.filter(({ state, openAtMs }) => state === 'OPEN' && openAtMs < sinceMs);
  return unsure.length === 0 ? { kind: 'none' } : { kind: 'unsure', jobIds: unsure.map(({ jobId }) => jobId) };
}
