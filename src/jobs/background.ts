/** The background work of an instance: loops that submit, reconcile and delete by age, and the submits in flight. */
import { startLoop, type Loop } from '../concurrency/loop.ts';
import { UnavailableError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { PollSteps } from './reconcile/poll-schedule.ts';
import type { Reconciler } from './reconcile/reconcile.ts';
import type { Retention } from './retain/delete-by-age.ts';
import type { SettleDeps } from './settle/settle.ts';
import type { Claimed } from './submit/claim-next.ts';
import type { Dispatcher } from './submit/dispatcher.ts';

export interface Background {
  /** Runs the next round of a loop without waiting; has no effect before the start. */
  readonly nudge: SettleDeps['nudge'];
  /** Starts the loops. */
  start(): void;
  /** Stops the loops, and lets submits in progress finish for up to `graceMs` before it aborts them. */
  stop(graceMs: number): Promise<void>;
}

export interface BackgroundDeps {
  readonly dispatcher: Dispatcher;
  readonly reconciler: Reconciler;
  readonly retention: Retention;
  readonly pollSteps: PollSteps;
  readonly log: Log;
}

/** Interval at which the reconciler looks for due work; shorter if polls are scheduled closer together. */
const RECONCILE_MS = 1_000;

export function createBackground({ dispatcher, reconciler, retention, pollSteps, log }: BackgroundDeps): Background {
  const cutOff = new AbortController();
  const submits = new Set<Promise<void>>();
  const loops: { dispatching?: Loop; reconciling?: Loop; retaining?: Loop } = {};
  const nudge: Background['nudge'] = (due) => (due === 'slot' ? loops.dispatching : loops.reconciling)?.nudge();
  const reconcileMs = Math.min(RECONCILE_MS, pollSteps.firstMs, pollSteps.intervalMs);

  function begin(work: Promise<void>, failed: (error: unknown) => void): void {
    const submit = work.catch(failed).finally(() => {
      submits.delete(submit);
      nudge('slot');
      nudge('lookUp');
    });
    submits.add(submit);
  }

  /** Begins the work that was claimed; resolves with the delay until the next claim, in ms. */
  async function act(claimed: Claimed, signal: AbortSignal): Promise<number> {
    switch (claimed.kind) {
      case 'wait':
        return claimed.waitMs;
      case 'probe':
        await dispatcher.probe(claimed.probedBy, signal);
        return 0;
      case 'job':
        begin(dispatcher.submit(claimed.job, cutOff.signal, claimed.isProbe), (error) =>
          log.error({ jobId: claimed.job.id, err: error }, 'the result of a submit could not be recorded'),
        );
        return 0;
      case 'unsure':
        begin(dispatcher.retract(claimed.job, cutOff.signal), (error) =>
          log.error({ jobId: claimed.job.id, err: error }, 'a job could not be requeued after an unconfirmed commit'),
        );
        return 0;
    }
  }

  return {
    nudge,
    start() {
      // A database that is briefly unavailable is not a fault of the loop.
      const complain = (what: string) => (error: unknown) =>
        log[error instanceof UnavailableError ? 'warn' : 'error']({ err: error }, `${what} failed; retrying`);
      loops.dispatching = startLoop(
        async (signal) => act(await dispatcher.claimNext(), signal),
        complain('dispatching'),
      );
      loops.reconciling = startLoop(
        async (signal) => ((await reconciler.runOnce(signal)) ? 0 : reconcileMs),
        complain('reconciling'),
      );
      loops.retaining = startLoop(retention.runOnce, complain('deleting by age'));
    },
    async stop(graceMs) {
      const stopped = Promise.all([loops.dispatching?.stop(), loops.reconciling?.stop(), loops.retaining?.stop()]);
      const timer = setTimeout(() => cutOff.abort(), graceMs);
      await stopped;
      await Promise.all(submits);
      clearTimeout(timer);
    },
  };
}
