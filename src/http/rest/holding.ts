/** Holds connections open until a job has ended. */
import type { Caller } from '../../accounts/caller.ts';
import type { WhyRefused } from '../../accounts/errors.ts';
import type { Accounts } from '../../accounts/index.ts';
import { isTerminal, type Job } from '../../jobs/model/job.ts';
import type { JobOperations } from '../../jobs/operations.ts';
import type { Log } from '../../log.ts';

type HoldEnd =
  | { readonly kind: 'ended'; readonly job: Job }
  /** The time limit has passed, or the gateway is stopping. The job continues. */
  | { readonly kind: 'late' }
  | { readonly kind: 'gone' }
  /** The caller's key or token is no longer valid. */
  | { readonly kind: 'revoked'; readonly why: WhyRefused }
  /** The job was deleted during the hold. */
  | { readonly kind: 'deleted' };

export interface Holding {
  /**
   * Reserves a place for one more held connection of the key. Returns the function that releases it, or null if the key
   * has reached its limit.
   */
  takePlace(keyId: string): (() => void) | null;
  /** Resolves when the job ends, or earlier for another reason. */
  hold(caller: Caller, accountId: string, jobId: string, gone: AbortSignal): Promise<HoldEnd>;
  /** Ends all current holds, and every later one as soon as it begins. */
  stop(): void;
  isStopped(): boolean;
}

export interface HoldingOptions {
  readonly holdMs: number;
  /** The maximum number of held connections of one key, for this instance. */
  readonly maxPerKey: number;
  /** The interval at which the callers of held requests are checked for validity. */
  readonly recheckMs: number;
}

export function createHolding(
  jobs: Pick<JobOperations, 'watch' | 'find'>,
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
      (error: unknown) => log.warn({ err: error }, 'the callers of waiting requests could not be checked'),
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
          // Checked now and not only at the next interval: a key that is no longer valid must not receive the result.
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
