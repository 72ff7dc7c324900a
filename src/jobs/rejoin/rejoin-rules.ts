/** Earlier requests like one that came now, and whether it is to join one of them. Pure. */
import type { EarlierRequest } from '../ports/rejoin.ts';

export interface JoinLimits {
  /** How long a request can be joined after it was left unanswered. */
  readonly joinMs: number;
  /** How long a connection is held at most. */
  readonly holdMs: number;
  /** An instance that says nothing for so long is gone, and its connections with it. */
  readonly leaseMs: number;
  /** How long a request can be joined after it got an answer of which nothing shows whether it arrived. */
  readonly doubtMs: number;
  /** A break of a connection is known to its instance this long after the client's next request has arrived. */
  readonly breakMs: number;
}

export type Judgement =
  | { readonly kind: 'none' }
  | { readonly kind: 'joined'; readonly jobId: string }
  /** Of these it is not known whether their connections are still open. */
  | { readonly kind: 'unsure'; readonly jobIds: readonly string[] };

/**
 * When the request that is judged arrived, and from when on an open connection shows that its client has not given it
 * up, by the database's clock.
 */
export interface Arrival {
  readonly arrivedMs: number;
  readonly sinceMs: number;
}

/**
 * Decides from the earlier requests, newest first. An open one counts as healthy when its connection was seen open at
 * `sinceMs` or later: a client that repeats has given up the connection before. For the same reason a request does not
 * repeat one whose answer was written after it arrived, even if that answer is in doubt.
 */
export function judge(
  earlier: readonly EarlierRequest[],
  { arrivedMs, sinceMs }: Arrival,
  { joinMs, leaseMs }: Pick<JoinLimits, 'joinMs' | 'leaseMs'>,
): Judgement {
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
