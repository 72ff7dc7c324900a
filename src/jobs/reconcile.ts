/** Reconciling: leases that ran out, deadlines, and look-ups of jobs that we have not heard of. Any number of instances may do it at once. */
import { decide } from './decide.ts';
import { isFinalFailure, isTerminal, moves, type Failure, type FailureCode, type Job } from './job.ts';
import { nextPollMs, type PollSteps } from './poll-schedule.ts';
import type { JobStore, Log, OverdueJob, PollableJob, Transaction } from './ports.ts';
import type { Settling } from './settle.ts';
import type { TaskReport, Upstream } from './upstream-port.ts';

export interface ReconcileDeps {
  readonly store: JobStore;
  readonly upstream: Upstream;
  readonly settling: Settling;
  readonly jobDeadlineMs: number;
  readonly queueDeadlineMs: number;
  readonly pollSteps: PollSteps;
  readonly log: Log;
}

export interface Reconciler {
  /** One round of each duty. Resolves with whether a full batch was found, so that more may be due at once. */
  runOnce(signal: AbortSignal): Promise<boolean>;
}

/** The upstream takes at most 50 ids in one look-up; the other duties use the same batch. */
const BATCH = 50;

/** Whoever polls a job has this long before another instance asks too. */
const POLL_LEASE_MS = 30_000;

export function createReconciler({ store, upstream, settling, jobDeadlineMs, queueDeadlineMs, pollSteps, log }: ReconcileDeps): Reconciler {
  async function doubtExpiredLeases(): Promise<boolean> {
    const jobs = await store.expiredLeases(upstream.id, BATCH);
    for (const job of jobs) {
      const doubted = await store.transaction((tx) => store.advance(tx, job.id, moves.doubt(job.attempt), {}));
      if (doubted) log.warn({ jobId: job.id, attempt: job.attempt }, 'a submitter died; the fate of its submit is unknown');
    }
    return jobs.length === BATCH;
  }

  async function failOverdue(): Promise<boolean> {
    const overdue = await store.overdue(upstream.id, { jobMs: jobDeadlineMs, queueMs: queueDeadlineMs }, BATCH);
    for (const { job, ...why } of overdue) {
      const failure = deadlineFailure(job, why);
      // The state is part of the guard: what left it meanwhile, from the queue to the upstream or back, has another deadline.
      const move = { ...moves.expire, from: [job.state], attempt: job.attempt };
      const poll = isFinalFailure(failure.code) ? { nextPollInMs: null } : {};
      const failed = await store.transaction((tx) => settling.advance(tx, job.id, move, { failure, settledBy: 'DEADLINE', completed: true, ...poll }));
      if (failed) log.warn({ jobId: job.id, taskId: job.taskId, code: failure.code }, 'deadline');
    }
    return overdue.length === BATCH;
  }

  async function poll(signal: AbortSignal): Promise<boolean> {
    const due = await store.claimPolls(upstream.id, BATCH, POLL_LEASE_MS);
    if (due.length === 0) return false;
    const claims = await store.pendingClaims(due.map(({ job }) => job.id));
    const claimsOf = (jobId: string) => claims.filter((claim) => claim.jobId === jobId).map(({ taskId }) => taskId);
    const ids = [...new Set(due.flatMap(({ job }) => [...(job.taskId === null ? [] : [job.taskId]), ...claimsOf(job.id)]))];
    const reports = new Map<string, TaskReport>();
    for (let from = 0; from < ids.length; from += BATCH) {
      for (const [id, report] of await upstream.lookUp(ids.slice(from, from + BATCH), signal)) reports.set(id, report);
    }
    for (const pollable of due) {
      await store.transaction((tx) => applyReports(tx, pollable, claimsOf(pollable.job.id), reports));
    }
    return due.length === BATCH;
  }

  async function applyReports(tx: Transaction, { job: { id }, ageMs }: PollableJob, claimed: readonly string[], reports: ReadonlyMap<string, TaskReport>): Promise<void> {
    let job = await store.lock(tx, id);
    if (!job) return;
    for (const taskId of claimed) {
      const report = reports.get(taskId);
      // Not found may mean not yet: an early callback can overtake the record too. Judged when it is found.
      if (!report) continue;
      const ours = report.echo?.jobId === job.id;
      await store.judge(tx, job.id, taskId, ours ? 'CONFIRMED' : 'REFUTED');
      if (!ours) log.error({ jobId: id, taskId }, 'a callback claimed a task that is not ours');
      else if (job.taskId === null) job = (await settleBy(tx, job, report)) ?? job;
      else if (job.taskId !== taskId) log.error({ jobId: id, taskId: job.taskId, other: taskId }, 'a job has two tasks');
    }
    const own = job.taskId === null ? undefined : reports.get(job.taskId);
    if (own) job = (await settleBy(tx, job, own)) ?? job;

    const unsettled = !isTerminal(job.state) || (job.failure !== null && !isFinalFailure(job.failure.code));
    const askable = job.taskId !== null || claimed.length > 0;
    const inMs = unsettled && askable ? nextPollMs(ageMs, pollSteps, Math.random()) : null;
    await store.schedulePoll(tx, id, inMs, job.taskId !== null && !own);
  }

  async function settleBy(tx: Transaction, job: Job, { taskId, outcome }: TaskReport): Promise<Job | null> {
    const settled = await settling.carryOut(tx, job, decide(job, { taskId, outcome, source: 'POLL' }));
    if (settled && isTerminal(settled.state)) log.info({ jobId: job.id, taskId, state: settled.state }, 'found by polling');
    return settled;
  }

  return {
    async runOnce(signal) {
      const doubted = await doubtExpiredLeases();
      const failed = await failOverdue();
      const polled = await poll(signal);
      return doubted || failed || polled;
    },
  };
}

function deadlineFailure(job: Job, { reason, taskMissing }: Omit<OverdueJob, 'job'>): Failure {
  const [code, charge, message]: [FailureCode, Failure['charge'], string] =
    reason === 'queue'
      ? ['QUEUE_EXPIRED', 'NOT_CHARGED', 'The job waited in the queue until its deadline; nothing was spent.']
      : reason === 'upstreamChanged'
        ? ['UPSTREAM_CHANGED', 'NOT_CHARGED', 'The job was accepted for another upstream and was never submitted.']
        : job.taskId === null
          ? ['SUBMIT_OUTCOME_UNKNOWN', 'POSSIBLY_CHARGED', 'The upstream never answered the submit, so it is not known whether it took the job.']
          : taskMissing
            ? ['UPSTREAM_LOST', 'POSSIBLY_CHARGED', 'The upstream no longer knows the task.']
            : ['TIMED_OUT', 'POSSIBLY_CHARGED', 'The upstream did not finish in time.'];
  return { code, charge, message, upstreamCode: null, upstreamTraceId: null };
}
