/** Submits each job that has passed the gate, once, and records how the submit ended. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { createGatekeeper } from './gate-control.ts';
import type { Job } from '../model/job.ts';
import type { Log } from '../../log.ts';
import { holdProbe } from './probe-lease.ts';
import { createRequeue } from './requeue.ts';
import { createRecordSubmit, type RecordDeps } from './record-answer.ts';
import { createClaimNext, leaseMsOf, type ClaimDeps, type ClaimNext } from './claim-next.ts';
import type { SubmitEnd } from '../model/upstream-news.ts';
import { UnavailableError } from '../../errors.ts';

export interface DispatchDeps extends ClaimDeps, Pick<RecordDeps, 'firstPollMs' | 'firstListingMs'> {
  readonly log: Log;
}

export interface Dispatcher {
  readonly claimNext: ClaimNext;
  /** Makes the one attempt that `claimNext` committed to, and records how it ended. */
  submit(job: Job, signal: AbortSignal, isProbe?: boolean): Promise<void>;
  /** Requeues a job whose intent may have been committed but was not acted on. */
  retract(job: Job, signal: AbortSignal): Promise<void>;
  /** Probes the upstream with a free look-up and reports the result to the gate. */
  probe(probedBy: string, signal: AbortSignal): Promise<void>;
}

const RETRY_MS = 500;

/** Longer than a look-up, which takes at most 15 s. */
const LOOK_UP_LEASE_MS = 20_000;

export function createDispatcher({
  store,
  upstream,
  settle,
  upstreamLimits,
  firstPollMs,
  firstListingMs,
  log,
}: DispatchDeps): Dispatcher {
  const { jobDeadlineMs } = upstreamLimits;
  const leaseMs = leaseMsOf(upstream);
  const record = createRecordSubmit({ store, upstreamId: upstream.id, settle, firstPollMs, firstListingMs, log });
  const requeue = createRequeue(store, settle);
  const gatekeeper = createGatekeeper(store, upstream.id, log);

  /**
   * Retries while the database is unavailable, for as long as a job may take or until a stop, because an answer arrives
   * only once. The answer counts even after the lease has expired: certainty that the attempt did or did not arrive
   * outranks doubt.
   */
  async function persist(job: Job, end: SubmitEnd, signal: AbortSignal): Promise<void> {
    const cutOff = signal.aborted;
    for (const until = performance.now() + jobDeadlineMs; ;) {
      try {
        return await record(job, end, cutOff);
      } catch (error) {
        if (!(error instanceof UnavailableError) || signal.aborted || performance.now() > until) throw error;
        await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async function submitOnce(job: Job, signal: AbortSignal): Promise<void> {
    const end = await upstream.submit({ jobId: job.id, attempt: job.attempt, input: job.input }, signal);
    const fields = {
      jobId: job.id,
      attempt: job.attempt,
      end: end.kind,
      ...('taskId' in end && { taskId: end.taskId }),
      ...('reason' in end && { reason: end.reason }),
      ...('traceId' in end && { traceId: end.traceId }),
    };
    if (end.kind === 'refused' && end.refusal.kind === 'blocked')
      log.error({ ...fields, reason: end.refusal.reason }, 'the upstream refuses all jobs; queued jobs are kept');
    else if (end.kind === 'accepted' || end.kind === 'refused') log.info(fields, 'submit');
    else log.warn(fields, 'submit');
    await persist(job, end, signal);
  }

  return {
    claimNext: createClaimNext({ store, upstream, settle, upstreamLimits }),

    async submit(job, signal, isProbe = false) {
      const work = () => submitOnce(job, signal);
      return isProbe ? holdProbe(store, upstream.id, job.id, leaseMs, work) : work();
    },

    async retract(job, signal) {
      log.warn(
        { jobId: job.id, attempt: job.attempt },
        'the commit of an attempt was not confirmed; the job is requeued',
      );
      // The commit may take effect after a check, so the checks continue until the lease would have expired.
      for (const until = performance.now() + leaseMs; performance.now() < until && !signal.aborted;) {
        const queued = await store
          .transaction((tx) =>
            requeue(tx, job, {
              submitEnd: 'NEVER_SENT',
              message: 'the database did not confirm the start of the attempt',
            }),
          )
          .catch((error: unknown) => {
            if (error instanceof UnavailableError) return false;
            throw error;
          });
        if (queued) return;
        await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    },

    probe: (probedBy, signal) =>
      holdProbe(store, upstream.id, probedBy, LOOK_UP_LEASE_MS, async () => {
        const answered = await upstream.lookUp([randomUUID()], signal).then(
          () => true,
          () => false,
        );
        if (!signal.aborted) await store.transaction((tx) => gatekeeper.probed(tx, probedBy, answered));
      }),
  };
}
