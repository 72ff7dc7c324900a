/** Receives a callback whose URL was verified: one transaction, retried while the database is unavailable. */
import { besidesPending, decideOnClaim, type Decision } from './decide.ts';
import { UnavailableError } from '../../errors.ts';
import type { Job } from '../model/job.ts';
import type { RetryLine } from '../../concurrency/retry-queue.ts';
import { eventOfChange, type Verdict } from '../model/job-event.ts';
import type { Claim } from '../model/upstream-news.ts';
import type { SettleDeps, Settle } from './settle.ts';

interface ReceivedCallback {
  readonly jobId: string;
  readonly attempt: number;
  readonly claim: Claim;
  /** SHA-256 of the body as received, in hexadecimal. */
  readonly bodyHash: string;
  /** The body as stored: truncated to its limit, with signed URLs redacted. */
  readonly body: string;
}

/**
 * Settles a callback whose URL was verified. Resolves after the commit, with false if the job does not exist or no
 * longer exists.
 */
export type ReceiveCallback = (callback: ReceivedCallback) => Promise<boolean>;

export interface ReceiveOptions {
  readonly confirm: 'odd' | 'always';
  readonly retries: Pick<RetryLine, 'run'>;
}

export function createReceiveCallback(
  { store, log, nudge }: Pick<SettleDeps, 'store' | 'log' | 'nudge'>,
  settle: Settle,
  { confirm, retries }: ReceiveOptions,
): ReceiveCallback {
  const settleCallback = ({ claim, ...callback }: ReceivedCallback): Promise<Verdict | null> =>
    // The lock comes first: of two identical concurrent callbacks, the second waits for it and then finds the row of
    // the first.
    store.transactionOn(callback.jobId, async (tx, job) => {
      if (!job) return null;
      const first = decideOnClaim(job, claim, confirm);
      const kept = await store.keep(tx, { ...callback, taskId: claim.taskId, verdict: verdictOf(first) });
      if (!kept) return 'REPEATED';
      const decision = kept.anotherPends ? besidesPending(first, claim) : first;
      if (decision !== first) await store.leavePending(tx, job.id, callback.bodyHash);
      const verdict = verdictOf(decision);
      const details = {
        attempt: callback.attempt,
        verdict,
        message: decision.kind === 'confirm' ? decision.why : claim.odd,
      };
      const note = (after: Job | null): Promise<void> =>
        store.note(tx, job.id, eventOfChange(job, after, 'CALLBACK', details));
      const settled = await settle.carryOut(tx, job, decision, note);
      if (!settled) await note(null);
      // Polls even a job that has ended, because a final failure gives way to a success that the look-up confirms.
      if (decision.kind === 'confirm') await store.pollWithin(tx, job.id, 0);
      return verdict;
    });

  /** Keeps the body of a callback that cannot be processed, and schedules a look-up, so that nothing is lost. */
  const setAside = ({ claim, ...callback }: ReceivedCallback): Promise<Verdict | null> =>
    store.transactionOn(callback.jobId, async (tx, job) => {
      if (!job) return null;
      if (!(await store.keep(tx, { ...callback, taskId: claim.taskId, verdict: 'SET_ASIDE' }))) return 'REPEATED';
      await store.note(
        tx,
        job.id,
        eventOfChange(job, null, 'CALLBACK', { attempt: callback.attempt, verdict: 'SET_ASIDE' }),
      );
      await store.pollWithin(tx, job.id, 0);
      return 'SET_ASIDE';
    });

  const settleOrSetAside = (callback: ReceivedCallback): Promise<Verdict | null> =>
    settleCallback(callback).catch((error: unknown) => {
      if (error instanceof UnavailableError) throw error;
      log.error(
        { jobId: callback.jobId, attempt: callback.attempt, err: error },
        'a callback could not be processed and is set aside',
      );
      return setAside(callback);
    });

  return async (callback) => {
    const { jobId, attempt, claim } = callback;
    let mayHaveCommitted = false;
    // Retries, because a callback arrives only once and a restarting database server refuses connections immediately.
    // This is safe even after an unconfirmed commit: the inbox row of the first attempt makes the second one a repeat.
    const verdict = await retries.run(() =>
      settleOrSetAside(callback).catch((error: unknown) => {
        mayHaveCommitted ||= error instanceof UnavailableError && error.mayHaveCommitted;
        throw error;
      }),
    );
    log.info({ jobId, attempt, taskId: claim.taskId, verdict, odd: claim.odd }, 'callback');
    // Nudges only if there is new work to do: hundreds of callbacks per second must not each trigger a round.
    const mayBeFirst = mayHaveCommitted && verdict === 'REPEATED';
    if (verdict === 'APPLIED' || mayBeFirst) nudge('slot');
    if (verdict === 'PENDING' || verdict === 'SET_ASIDE' || mayBeFirst) nudge('lookUp');
    return verdict !== null;
  };
}

function verdictOf(decision: Decision): Verdict {
  const verdicts = {
    advance: 'APPLIED',
    amend: 'APPLIED',
    confirm: 'PENDING',
    repeat: 'REPEATED',
    contradict: 'CONTRADICTED',
  } as const;
  return verdicts[decision.kind];
}
