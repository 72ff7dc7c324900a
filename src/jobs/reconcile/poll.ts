/** Polling: asking the upstream about jobs that we have not heard of, and judging what callbacks claimed. */
import { decide } from '../settle/decide.ts';
import { isOpen, isTerminal, type Job } from '../model/job.ts';
import type { LookUps, Reports } from './look-up.ts';
import { nextPollMs, type PollSteps } from './poll-schedule.ts';
import type { JobStore } from '../ports/store.ts';
import type { PollableJob } from '../ports/work-queue.ts';
import type { Log } from '../../log.ts';
import type { Settling } from '../settle/settle.ts';
import { besidesTaken } from '../settle/taken-tasks.ts';
import { told } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';
import type { TaskReport } from '../model/upstream-news.ts';
import { MAX_ATTEMPTS, type WorkAttempts } from './work-attempts.ts';

export interface PollDeps {
  readonly store: JobStore;
  readonly upstreamId: string;
  readonly settling: Settling;
  readonly lookUps: LookUps;
  /** Whether jobs without a task id are looked for by listing. */
  readonly listing: boolean;
  readonly attempts: WorkAttempts;
  readonly pollSteps: () => PollSteps;
  readonly log: Log;
}

export interface Polling {
  /** Asks about one batch of what is due. Resolves with whether the batch was full, so that more may be due at once. */
  poll(signal: AbortSignal): Promise<boolean>;
  /**
   * Settles a job, whose row `tx` has locked, by what a look-up says of its task. Null when nothing changed. A task in
   * `taken` belongs to another job: its end counts for this job too, where the caller has proof that it was made for
   * this one, but its id is not recorded, and while it runs nothing changes.
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

/** Whoever polls a job has this long before another instance asks too. */
const POLL_LEASE_MS = 30_000;

/** A claim that could not be looked up is asked for again after this, or by the schedule when that is earlier. */
const CLAIM_RETRY_MS = 30_000;

interface Heard {
  /** Task ids that callbacks of this job claimed; null when the upstream could not be asked about them. */
  readonly claimed: readonly string[] | null;
  readonly hasClaims: boolean;
  readonly listed: readonly TaskReport[];
  readonly reports: Reports;
  /** Tasks that turned out to belong to other jobs. */
  readonly taken: ReadonlySet<string>;
}

/** What the look-ups of a round show beside the record of one task. */
interface Evidence {
  /** Tasks that turned out to belong to other jobs. */
  readonly taken: ReadonlySet<string>;
  /** The task that is recorded for the job, if the upstream does not know it, or made it for another job. */
  readonly refuted: string | null;
}

/** Whether the record of a task proves, by a callback URL that we signed, that it was made for another job. */
export const isOfAnother = (job: Job, { echo }: TaskReport): boolean =>
  echo !== null && echo !== 'other' && echo.jobId !== job.id;

/** Whether listings can show the task of an attempt: it has none, or one that only an error named. */
const isInDoubt = ({ taskId, state, attempt }: Job): boolean =>
  attempt > 0 && (taskId === null || state === 'UNCONFIRMED');

export function createPolling({
  store,
  upstreamId,
  settling,
  lookUps,
  listing,
  attempts,
  pollSteps,
  log,
}: PollDeps): Polling {
  const settleBy: Polling['settleBy'] = async (tx, job, { taskId, outcome }, source, taken) => {
    const isTaken = taken.has(taskId) && job.taskId !== taskId;
    if (isTaken) log.error({ jobId: job.id, taskId }, 'a task was made for two jobs');
    if (isTaken && outcome.kind === 'running') return null;
    const settled = await settling.carryOut(tx, job, decide(job, { taskId: isTaken ? null : taskId, outcome, source }));
    if (!settled) return null;
    await store.note(tx, job.id, told(job, settled, source, { message: outcome.kind }));
    if (isTerminal(settled.state))
      log.info(
        { jobId: job.id, taskId, state: settled.state },
        source === 'POLL' ? 'found by polling' : 'found by listing',
      );
    return settled;
  };

  /** Judges a claim by the echo in its record, which names the job that the task was made for. */
  async function judge(tx: Transaction, job: Job, report: TaskReport, evidence: Evidence): Promise<Job> {
    const ours = report.echo !== null && report.echo !== 'other' && report.echo.jobId === job.id;
    // Without its id on record the claim is what keeps the task being asked for.
    if (ours && evidence.taken.has(report.taskId) && report.outcome.kind === 'running') return job;
    await store.judge(tx, job.id, report.taskId, ours ? 'CONFIRMED' : 'REFUTED');
    await store.note(
      tx,
      job.id,
      told(job, null, 'CLAIM_JUDGED', { verdict: ours ? 'CONFIRMED' : 'REFUTED', message: report.taskId }),
    );
    if (!ours) log.error({ jobId: job.id, taskId: report.taskId }, 'a callback claimed a task that is not ours');
    return ours ? adopt(tx, job, report, 'POLL', evidence) : job;
  }

  /** Takes a task whose record shows that it was made for this job. */
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
      // Not found, or without a word about its callback: it may come, as an early callback can overtake the record too.
      if (report && report.echo !== null) job = await judge(tx, job, report, evidence);
    }
    for (const report of listed) job = await adopt(tx, job, report, 'LISTING', evidence);
    const own = job.taskId === null ? undefined : reports.get(job.taskId);
    // The upstream returned the wrong task id for the submit. The result belongs to another job; this job is left to
    // its deadline.
    if (own && isOfAnother(job, own))
      log.error({ jobId: job.id, taskId: own.taskId }, 'the task of a job was made for another job');
    else if (own) job = (await settleBy(tx, job, own, 'POLL', taken)) ?? job;

    const askable = job.taskId !== null || hasClaims || listing;
    const scheduledMs = isOpen(job) && askable ? nextPollMs(pollable.ageMs, pollSteps(), Math.random()) : null;
    const inMs = claimed === null ? Math.min(scheduledMs ?? CLAIM_RETRY_MS, CLAIM_RETRY_MS) : scheduledMs;
    // Whose id was learnt while we asked was not asked for.
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
      // Apart from the known tasks, because anybody who knows a callback URL can claim any id.
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
        // The leases of the others run out.
        if (signal.aborted) return false;
        const { job } = pollable;
        // Without an answer the lease runs out by itself, and the job is asked for again.
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
      'what is known of a job cannot be worked on; it is set aside until its deadline',
    );
  }
}
