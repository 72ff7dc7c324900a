/** Holding a connection until a job has ended. */
import type { Caller } from '../../accounts/caller.ts';
import type { WhyRefused } from '../../accounts/errors.ts';
import type { Accounts } from '../../accounts/index.ts';
import { isTerminal, type Job } from '../../jobs/model/job.ts';
import type { Jobs } from '../../jobs/index.ts';
import type { Log } from '../../log.ts';

type HoldEnd =
  | { readonly kind: 'ended'; readonly job: Job }
  /** The limit has passed, or the gateway stops: the job goes on. */
  | { readonly kind: 'late' }
  | { readonly kind: 'gone' }
  /** The caller's key or token has ended. */
  | { readonly kind: 'revoked'; readonly why: WhyRefused }
  /** Somebody deleted the job while it was waited for. */
  | { readonly kind: 'deleted' };

export interface Holding {
  /**
   * A place for one more held connection of the key, as the function that gives it back; null when it has as many as it
   * may.
   */
  takePlace(keyId: string): (() => void) | null;
  /** Resolves at the job's end, or earlier for another reason. */
  hold(caller: Caller, accountId: string, jobId: string, gone: AbortSignal): Promise<HoldEnd>;
  /** Ends all holds now, and later ones at once. */
  stop(): void;
  isStopped(): boolean;
}

export interface HoldingOptions {
  readonly holdMs: number;
  /** For this instance. */
  readonly maxPerKey: number;
  /** How often it is asked whether those whose requests are held may still go on. */
  readonly recheckMs: number;
}

export function createHolding(
  jobs: Pick<Jobs, 'watch' | 'find'>,
  accounts: Pick<Accounts, 'findEnded'>,
  { holdMs, maxPerKey, recheckMs }: HoldingOptions,
  log: Log,
): Holding {
  const places = new Map<string, number>();
  const holds = new Map<(why: 'late' | WhyRefused) => void, Caller>();
  let stopped = false;
  const rechecking = setInterval(() => {
    accounts.findEnded([...holds.values()]).then(
      (ended) =>
        holds.forEach((caller, leave) => {
          const why = ended.get(caller);
          if (why) leave(why);
        }),
      (error: unknown) => log.warn({ err: error }, 'the callers of held requests could not be checked'),
    );
  }, recheckMs).unref();

  return {
    takePlace(keyId) {
      const taken = places.get(keyId) ?? 0;
      if (taken >= maxPerKey) return null;
      places.set(keyId, taken + 1);
      return () => {
        const left = (places.get(keyId) ?? 1) - 1;
        if (left > 0) places.set(keyId, left);
        else places.delete(keyId);
      };
    },

    async hold(caller, accountId, jobId, gone) {
      const watch = await jobs.watch(accountId, jobId);
      let why: 'late' | WhyRefused | null = null;
      const leave = (): void => void watch.return?.();
      const leaveFor = (reason: 'late' | WhyRefused): void => {
        why ??= reason;
        leave();
      };
      const timer = setTimeout(leaveFor, holdMs, 'late');
      holds.set(leaveFor, caller);
      gone.addEventListener('abort', leave, { once: true });
      if (stopped) leaveFor('late');
      if (gone.aborted) leave();
      try {
        for await (const job of watch) {
          if (!isTerminal(job.state)) continue;
          // At once, and not only at the next round: what it has made is not for a key that has ended.
          const ended = (await accounts.findEnded([caller])).get(caller);
          return ended ? { kind: 'revoked', why: ended } : { kind: 'ended', job };
        }
      } finally {
        clearTimeout(timer);
        holds.delete(leaveFor);
        gone.removeEventListener('abort', leave);
      }
      if (gone.aborted) return { kind: 'gone' };
      if (why !== null) return why === 'late' ? { kind: 'late' } : { kind: 'revoked', why };
      return (await jobs.find(accountId, jobId)) ? { kind: 'late' } : { kind: 'deleted' };
    },

    stop() {
      stopped = true;
      clearInterval(rechecking);
      for (const leave of [...holds.keys()]) leave('late');
    },
    isStopped: () => stopped,
  };
}
