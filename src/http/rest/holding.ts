/** Holding a connection until a job has ended. */
import { isTerminal, type Job } from '../../jobs/job.ts';
import type { Jobs } from '../../jobs/index.ts';

type HoldEnd =
  | { readonly kind: 'ended'; readonly job: Job }
  /** The limit has passed, or the gateway stops: the job goes on. */
  | { readonly kind: 'late' }
  | { readonly kind: 'gone' }
  /** Somebody deleted the job while it was waited for. */
  | { readonly kind: 'deleted' };

export interface Holding {
  /** A place for one more held connection of the key, as the function that gives it back; null when it has as many as it may. */
  takePlace(keyId: string): (() => void) | null;
  /** Resolves at the job's end, or earlier for another reason. */
  hold(accountId: string, jobId: string, gone: AbortSignal): Promise<HoldEnd>;
  /** Ends all holds now, and later ones at once. */
  stop(): void;
  isStopped(): boolean;
}

export interface HoldingOptions {
  readonly holdMs: number;
  /** For this instance. */
  readonly maxPerKey: number;
}

export function createHolding(jobs: Pick<Jobs, 'watch' | 'find'>, { holdMs, maxPerKey }: HoldingOptions): Holding {
  const places = new Map<string, number>();
  const holds = new Set<() => void>();
  let stopped = false;

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

    async hold(accountId, jobId, gone) {
      const watch = await jobs.watch(accountId, jobId);
      let late = false;
      const leave = (): void => void watch.return?.();
      const leaveLate = (): void => {
        late = true;
        leave();
      };
      const timer = setTimeout(leaveLate, holdMs);
      holds.add(leaveLate);
      gone.addEventListener('abort', leave, { once: true });
      if (stopped) leaveLate();
      if (gone.aborted) leave();
      try {
        for await (const job of watch) if (isTerminal(job.state)) return { kind: 'ended', job };
      } finally {
        clearTimeout(timer);
        holds.delete(leaveLate);
        gone.removeEventListener('abort', leave);
      }
      if (gone.aborted) return { kind: 'gone' };
      return late || (await jobs.find(accountId, jobId)) ? { kind: 'late' } : { kind: 'deleted' };
    },

    stop() {
      stopped = true;
      for (const leave of [...holds]) leave();
    },
    isStopped: () => stopped,
  };
}
