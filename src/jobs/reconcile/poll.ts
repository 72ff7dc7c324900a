/** Polls the upstream about jobs whose result has not arrived, and verifies the claims of callbacks. */
import { decide } from '../settle/decide.ts';
import { isOpen, isTerminal, type Job } from '../model/job.ts';
import type { LookUps, Reports } from './look-up.ts';
import { nextPollMs, type PollSteps } from './poll-schedule.ts';
import type { JobStore } from '../ports/store.ts';
import type { PollableJob } from '../ports/work-queue.ts';
import type { Log } from '../../log.ts';
import type { Settle } from '../settle/settle.ts';
import { besidesTaken } from '../settle/taken-tasks.ts';
import { eventOfChange } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';
import type { TaskReport } from '../model/upstream-news.ts';
import { MAX_ATTEMPTS, type WorkAttempts } from './work-attempts.ts';

export interface PollDeps {
  readonly store: JobStore;
  readonly upstreamId: string;
  readonly settle: Settle;
  readonly lookUps: LookUps;
  /** True if jobs without a task id are searched for by listing. */
  readonly listing: boolean;
  readonly attempts: WorkAttempts;
  readonly pollSteps: () => PollSteps;
  readonly log: Log;
}

export interface Polling {
  /**
   * Polls one batch of due jobs. Resolves with true if the batch was full and the upstream answered, so that more jobs
   * may be due at once.
   */
  poll(signal: AbortSignal): Promise<boolean>;
  /**
   * Settles a job, whose row `tx` has locked, by the result of a look-up of its task. Resolves with null if nothing
   * changed. A task in `taken` belongs to another job. Its end also counts for this job, provided that the caller has
   * proof that the task was created for this job. Its id is not recorded, however, and while it runs nothing changes.
   */
  settleBy(
    tx: Transaction,
    job: Job,
    report: TaskReport,
    source: 'POLL' | 'LISTING',
    taken: ReadonlySet<string>,
  ): Promise<Job | null>;
}

const BATCH = 50;

/** Lease on a polled job: no other instance polls it within this time. */
const POLL_LEASE_MS = 30_000;

/** Delay before a claim that could not be looked up is retried, unless the schedule is due earlier. */
const CLAIM_RETRY_MS = 30_000;

interface Heard {
  /** Task ids claimed by callbacks of this job; null if the look-up of claims was not answered. */
  readonly claimed: readonly string[] | null;
  readonly hasClaims: boolean;
  readonly listed: readonly TaskReport[];
  readonly reports: Reports;
  /** Tasks that turned out to belong to other jobs. */
  readonly taken: ReadonlySet<string>;
}

/** Evidence from the look-ups of a round, in addition to the record of one task. */
interface Evidence {
  /** Tasks that turned out to belong to other jobs. */
  readonly taken: ReadonlySet<string>;
  /** The task id recorded for the job, if the upstream does not know the task or created it for another job. */
  readonly refuted: string | null;
}

/**
 * Returns true if the record of a task proves that it was created for another job. The proof is a callback URL that the
 * gateway signed.
 */
export const isOfAnother = (job: Job, { echo }: TaskReport): boolean =>
  echo !== null && echo !== 'other' && echo.jobId !== job.id;

/** Returns true if a listing can show the task of an attempt: its id is missing, or is known only from an error. */
const isInDoubt = ({ taskId, state, attempt }: Job): boolean =>
  attempt > 0 && (taskId === null || state === 'UNCONFIRMED');

export function createPolling({
  store,
  upstreamId,
  settle,
  lookUps,
  listing,
  attempts,
  pollSteps,
  log,
}: PollDeps): Polling {
  const settleBy: Polling['settleBy'] = async (tx, job, { taskId, outcome }, source, taken) => {
    const isTaken = taken.has(taskId) && job.taskId !== taskId;
    if (isTaken) log.error({ jobId: job.id, taskId }, 'a task belongs to two jobs');
    if (isTaken && outcome.kind === 'running') return null;
    const settled = await settle.carryOut(tx, job, decide(job, { taskId: isTaken ? null : taskId, outcome, source }));
    if (!settled) return null;
    await store.note(tx, job.id, eventOfChange(job, settled, source, { message: outcome.kind }));
    if (isTerminal(settled.state))
      log.info(
        { jobId: job.id, taskId, state: settled.state },
        source === 'POLL' ? 'the end of a job was found by polling' : 'the end of a job was found by listing',
      );
    return settled;
  };

  /** Verifies a claim by the echo in the task's record, which names the job that the task was created for. */
  async function judge(tx: Transaction, job: Job, report: TaskReport, evidence: Evidence): Promise<Job> {
    const ours = report.echo !== null && report.echo !== 'other' && report.echo.jobId === job.id;
    // As long as the task id is not recorded, only the pending claim keeps the task being polled.
    if (ours && evidence.taken.has(report.taskId) && report.outcome.kind === 'running') return job;
    await store.judge(tx, job.id, report.taskId, ours ? 'CONFIRMED' : 'REFUTED');
    await store.note(
      tx,
      job.id,
      eventOfChange(job, null, 'CLAIM_JUDGED', { verdict: ours ? 'CONFIRMED' : 'REFUTED', message: report.taskId }),
    );
    if (!ours)
      log.error({ jobId: job.id, taskId: report.taskId }, 'a callback claimed a task that does not belong to its job');
    return ours ? adopt(tx, job, report, 'POLL', evidence) : job;
  }

  /** Adopts a task whose record shows that it was created for this job. */
  async function adopt(
    tx: Transaction,
    job: Job,
    report: TaskReport,
    source: 'POLL' | 'LISTING',
    { taken, refuted }: Evidence,
  ): Promise<Job> {
    if (job.taskId === null) return (await settleBy(tx, job, report, source, taken)) ?? job;
    if (job.taskId === report.taskId) return job;
    log.error({ jobId: job.id, taskId: job.taskId, other: report.taskId }, 'a job has two tasks');
    if (job.taskId !== refuted || !isOpen(job) || taken.has(report.taskId)) return job;
    const corrected = (await store.amend(tx, job.id, { taskId: report.taskId })) ?? job;
    return (await settleBy(tx, corrected, report, source, taken)) ?? corrected;
  }

  async function apply(
    tx: Transaction,
    pollable: PollableJob,
    { claimed, hasClaims, listed, reports, taken }: Heard,
  ): Promise<void> {
    let job = await store.lock(tx, pollable.job.id);
    if (!job) return;
    const recorded = job.taskId === null ? undefined : reports.get(job.taskId);
    const wasAsked = job.taskId === pollable.job.taskId;
    const evidence = { taken, refuted: wasAsked && (!recorded || isOfAnother(job, recorded)) ? job.taskId : null };
    for (const taskId of claimed ?? []) {
      const report = reports.get(taskId);
      // Skipped if the task was not found or its record has no callback URL: the record may appear later, because an
      // early callback can overtake it.
      if (report && report.echo !== null) job = await judge(tx, job, report, evidence);
    }
    for (const report of listed) job = await adopt(tx, job, report, 'LISTING', evidence);
    const own = job.taskId === null ? undefined : reports.get(job.taskId);
    // The upstream returned the wrong task id for the submit. The result belongs to another job; this job is left to
    // its deadline.
    if (own && isOfAnother(job, own))
      log.error({ jobId: job.id, taskId: own.taskId }, 'the task of a job was created for another job');
    else if (own) job = (await settleBy(tx, job, own, 'POLL', taken)) ?? job;

    const askable = job.taskId !== null || hasClaims || listing;
    const scheduledMs = isOpen(job) && askable ? nextPollMs(pollable.ageMs, pollSteps(), Math.random()) : null;
    const inMs = claimed === null ? Math.min(scheduledMs ?? CLAIM_RETRY_MS, CLAIM_RETRY_MS) : scheduledMs;
    // A task id that was recorded during the look-up was not part of it.
    const missing = job.taskId !== null && job.taskId === pollable.job.taskId && !own;
    await store.releasePoll(tx, pollable, inMs, missing);
  }

  return {
    settleBy,
    async poll(signal) {
      const due = await store.claimPolls(upstreamId, BATCH, POLL_LEASE_MS);
      if (due.length === 0) return false;
      const claims = await store.pendingClaims(due.map(({ job }) => job.id));
      const known = await lookUps.byId(
        due.flatMap(({ job }) => job.taskId ?? []),
        signal,
      );
      // Looked up separately from the known tasks, because any client that knows a callback URL can claim any id.
      const claimed = await lookUps.byId(
        claims.map(({ taskId }) => taskId),
        signal,
      );
      const listed = listing
        ? await lookUps.byEcho(
            due.flatMap(({ job }) => (isInDoubt(job) ? job : [])),
            signal,
          )
        : new Map<string, TaskReport[]>();
      if (signal.aborted) return false;
      const reports = new Map([...(claimed ?? []), ...(known ?? [])]);
      for (const pollable of due) {
        // The leases of the remaining jobs expire.
        if (signal.aborted) return false;
        const { job } = pollable;
        // Without an answer the lease expires, and the job is polled again.
        if (job.taskId !== null && known === null) continue;
        const ids = claims.filter(({ jobId }) => jobId === job.id).map(({ taskId }) => taskId);
        const heard = {
          claimed: ids.length > 0 && claimed === null ? null : ids,
          hasClaims: ids.length > 0,
          listed: listed.get(job.id) ?? [],
          reports,
        };
        await work(pollable, heard).catch((error: unknown) =>
          log.error({ jobId: job.id, err: error }, 'a job could not be polled'),
        );
      }
      return due.length === BATCH && known !== null && claimed !== null;
    },
  };

  async function work(pollable: PollableJob, heard: Omit<Heard, 'taken'>): Promise<void> {
    const { id } = pollable.job;
    if (await attempts.begin(id))
      return attempts.run(id, () =>
        besidesTaken((taken) => store.transaction((tx) => apply(tx, pollable, { ...heard, taken }))),
      );
    await store.setAside(id);
    log.error(
      { jobId: id, attempts: MAX_ATTEMPTS },
      'processing a job failed repeatedly; the job now waits for its deadline',
    );
  }
}
