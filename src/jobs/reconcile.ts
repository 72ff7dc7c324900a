/** Reconciling: leases that ran out, deadlines, and look-ups of jobs that we have not heard of. Any number of instances may do it at once. */
import { deadlineFailure } from './deadline-failure.ts';
import { decide } from './decide.ts';
import { isFinalFailure, isOpen, isTerminal, moves, type Job } from './job.ts';
import { nextPollMs, type PollSteps } from './poll-schedule.ts';
import type { JobStore, Log, PollableJob, Transaction } from './ports.ts';
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
  /** One round of each duty; one that fails does not keep the others from their work. Resolves with whether a full batch was found, so that more may be due at once. */
  runOnce(signal: AbortSignal): Promise<boolean>;
}

type Reports = ReadonlyMap<string, TaskReport>;

/** The upstream takes at most 50 ids in one look-up; the other duties use the same batch. */
const BATCH = 50;

/** Whoever polls a job has this long before another instance asks too. */
const POLL_LEASE_MS = 30_000;

/** A job whose task is known fails at its deadline only after a look-up; when none has been to be had for this long, without one. */
const LOOK_UP_GRACE_MS = 300_000;

export function createReconciler({ store, upstream, settling, jobDeadlineMs, queueDeadlineMs, pollSteps, log }: ReconcileDeps): Reconciler {
  let failingSince: number | null = null;

  async function doubtExpiredLeases(): Promise<boolean> {
    const jobs = await store.expiredLeases(upstream.id, BATCH);
    await each(jobs, async (job) => {
      const doubted = await store.transaction((tx) => store.advance(tx, job.id, moves.doubt(job.attempt), {}));
      if (doubted) log.warn({ jobId: job.id, attempt: job.attempt }, 'a lease ran out; the fate of its submit is unknown');
    });
    return jobs.length === BATCH;
  }

  async function poll(signal: AbortSignal): Promise<boolean> {
    const due = await store.claimPolls(upstream.id, BATCH, POLL_LEASE_MS);
    if (due.length === 0) return false;
    const claims = await store.pendingClaims(due.map(({ job }) => job.id));
    const known = due.flatMap(({ job }) => job.taskId ?? []);
    const reports = await tryLookUp(known, signal);
    // Apart from the known tasks, because anybody who knows a callback URL can claim any id.
    const claimed = await tryLookUp(claims.map(({ taskId }) => taskId), signal);
    await each(due, async (pollable) => {
      const ids = claims.filter(({ jobId }) => jobId === pollable.job.id).map(({ taskId }) => taskId);
      // Without an answer the lease runs out by itself, and the job is asked for again.
      if ((pollable.job.taskId !== null && reports === null) || (ids.length > 0 && claimed === null)) return;
      await store.transaction((tx) => applyReports(tx, pollable, ids, new Map([...(claimed ?? []), ...(reports ?? [])])));
    });
    return due.length === BATCH && reports !== null && claimed !== null;
  }

  async function applyReports(tx: Transaction, pollable: PollableJob, claimed: readonly string[], reports: Reports): Promise<void> {
    let job = await store.lock(tx, pollable.job.id);
    if (!job) return;
    for (const taskId of claimed) {
      const report = reports.get(taskId);
      // Not found, or without a word about its callback: it may come, as an early callback can overtake the record too.
      if (!report || report.echo === null) continue;
      const ours = report.echo !== 'other' && report.echo.jobId === job.id;
      await store.judge(tx, job.id, taskId, ours ? 'CONFIRMED' : 'REFUTED');
      if (!ours) log.error({ jobId: job.id, taskId }, 'a callback claimed a task that is not ours');
      else if (job.taskId === null) job = (await settleBy(tx, job, report)) ?? job;
      else if (job.taskId !== taskId) log.error({ jobId: job.id, taskId: job.taskId, other: taskId }, 'a job has two tasks');
    }
    const own = job.taskId === null ? undefined : reports.get(job.taskId);
    if (own) job = (await settleBy(tx, job, own)) ?? job;

    const askable = job.taskId !== null || claimed.length > 0;
    const inMs = isOpen(job) && askable ? nextPollMs(pollable.ageMs, pollSteps, Math.random()) : null;
    // Whose id was learnt while we asked was not asked for.
    const missing = job.taskId !== null && job.taskId === pollable.job.taskId && !own;
    await store.releasePoll(tx, pollable, inMs, missing);
  }

  async function failOverdue(signal: AbortSignal): Promise<boolean> {
    const overdue = await store.overdue(upstream, { jobMs: jobDeadlineMs, queueMs: queueDeadlineMs }, BATCH);
    const askable = overdue.filter(({ job, reason }) => reason === 'attempt' && job.upstreamId === upstream.id);
    const reports = await tryLookUp(askable.flatMap(({ job }) => job.taskId ?? []), signal);
    if (signal.aborted) return false;
    if (reports !== null) failingSince = null;
    else failingSince ??= Date.now();
    const graced = failingSince !== null && Date.now() - failingSince < LOOK_UP_GRACE_MS;
    await each(overdue, async ({ job, reason, taskMissing }) => {
      const asked = askable.some((other) => other.job.id === job.id) && job.taskId !== null;
      if (asked && graced) return;
      const report = job.taskId === null ? undefined : reports?.get(job.taskId);
      const failure = deadlineFailure(job, reason, asked && reports ? !report : taskMissing);
      await store.transaction(async (tx) => {
        const row = await store.lock(tx, job.id);
        if (row && report && report.outcome.kind !== 'running') return void (await settleBy(tx, row, report));
        // The state is part of the guard: what left it meanwhile, from the queue to the upstream or back, has another deadline.
        const move = { ...moves.expire, from: [job.state], attempt: job.attempt };
        const poll = isFinalFailure(failure.code) ? { nextPollInMs: null } : {};
        const failed = await settling.advance(tx, job.id, move, { failure, settledBy: 'DEADLINE', completed: true, ...poll });
        if (failed) log.warn({ jobId: job.id, taskId: job.taskId, code: failure.code }, 'deadline');
      });
    });
    return overdue.length >= BATCH && !graced;
  }

  /** Null when no answer was to be had, which says nothing about any task. */
  async function tryLookUp(taskIds: readonly string[], signal: AbortSignal): Promise<Reports | null> {
    return lookUp(taskIds, signal).catch((error: unknown) => {
      if (!signal.aborted) log.warn({ err: error }, 'tasks could not be looked up');
      return null;
    });
  }

  async function lookUp(taskIds: readonly string[], signal: AbortSignal): Promise<Reports> {
    const ids = [...new Set(taskIds)];
    const reports = new Map<string, TaskReport>();
    for (let from = 0; from < ids.length; from += BATCH) {
      for (const [id, report] of await upstream.lookUp(ids.slice(from, from + BATCH), signal)) reports.set(id, report);
    }
    return reports;
  }

  async function settleBy(tx: Transaction, job: Job, { taskId, outcome }: TaskReport): Promise<Job | null> {
    const settled = await settling.carryOut(tx, job, decide(job, { taskId, outcome, source: 'POLL' }));
    if (settled && isTerminal(settled.state)) log.info({ jobId: job.id, taskId, state: settled.state }, 'found by polling');
    return settled;
  }

  /** One after the other; one that fails is logged and does not stop those behind it. */
  async function each<T extends { readonly job: Job } | Job>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    for (const item of items) {
      await work(item).catch((error: unknown) => log.error({ jobId: 'job' in item ? item.job.id : item.id, err: error }, 'a job could not be reconciled'));
    }
  }

  return {
    async runOnce(signal) {
      let more = false;
      // Deadlines last: what a look-up can still settle is not failed.
      for (const duty of [doubtExpiredLeases, poll, failOverdue]) {
        more = (await duty(signal).catch((error: unknown) => {
          if (!signal.aborted) log.warn({ err: error, duty: duty.name }, 'reconciling failed; it goes on');
          return false;
        })) || more;
      }
      return more;
    },
  };
}
