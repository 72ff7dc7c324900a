/** Enforces deadlines: fails overdue jobs, except those that a look-up can still settle. */
import { deadlineFailure } from './deadline-failure.ts';
import { isFinalFailure, moves } from '../model/job.ts';
import type { LookUps } from './look-up.ts';
import { isOfAnother, type Polling } from './poll.ts';
import type { JobStore } from '../ports/store.ts';
import type { OverdueJob } from '../ports/work-queue.ts';
import type { Log } from '../../log.ts';
import type { Settle } from '../settle/settle.ts';
import { besidesTaken } from '../settle/taken-tasks.ts';
import { eventOfChange } from '../model/job-event.ts';
import type { Upstream } from '../ports/upstream.ts';
import type { TaskReport } from '../model/upstream-news.ts';
import type { WorkAttempts } from './work-attempts.ts';

export interface DeadlineDeps {
  readonly store: JobStore;
  readonly upstream: Pick<Upstream, 'id' | 'sandbox'>;
  readonly settle: Settle;
  readonly polling: Polling;
  readonly lookUps: LookUps;
  readonly jobDeadlineMs: number;
  readonly queueDeadlineMs: number;
  readonly listing: boolean;
  readonly attempts: WorkAttempts;
  readonly log: Log;
}

const BATCH = 50;

/**
 * Grace period for jobs that a look-up or a listing can settle. Such a job fails at its deadline only after the
 * upstream has answered one, or has answered none for this long.
 */
const LOOK_UP_GRACE_MS = 300_000;

/**
 * During a rolling change of the upstream, instances for the old and the new upstream run side by side for a while.
 * Neither kind fails jobs that the other has just accepted or can still look up.
 */
const CHANGE_OF_INSTANCES_MS = 300_000;

/**
 * Creates the function that fails one batch of overdue jobs. It resolves with true if the batch was full and no job
 * waits for an answer from the upstream, so that more jobs may be overdue.
 */
export function createFailOverdue({
  store,
  upstream,
  settle,
  polling,
  lookUps,
  jobDeadlineMs,
  queueDeadlineMs,
  listing,
  attempts,
  log,
}: DeadlineDeps) {
  const lookUpGrace = createGrace();
  const listingGrace = createGrace();
  const limits = {
    jobMs: jobDeadlineMs,
    queueMs: queueDeadlineMs,
    otherJobMs: jobDeadlineMs + LOOK_UP_GRACE_MS + CHANGE_OF_INSTANCES_MS,
    otherQueueMs: CHANGE_OF_INSTANCES_MS,
  };

  async function fail({ job, reason, taskMissing }: OverdueJob, report: TaskReport | undefined): Promise<void> {
    const failure = deadlineFailure(job, reason, taskMissing);
    // A task that was found by listing is recorded even if it is still running. The job's own deadline is then handled
    // in the next round.
    const settles =
      report &&
      !isOfAnother(job, report) &&
      (report.outcome.kind !== 'running' || job.taskId === null) &&
      (await attempts.begin(job.id));
    const end = () =>
      besidesTaken((taken) =>
        store.transaction(async (tx) => {
          const row = await store.lock(tx, job.id);
          if (!row) return;
          const isTaken = report !== undefined && taken.has(report.taskId);
          if (settles && !(isTaken && report.outcome.kind === 'running')) {
            await polling.settleBy(tx, row, report, job.taskId === null ? 'LISTING' : 'POLL', taken);
            // Several instances may handle the same deadline, and each has counted an attempt.
            return store.endWork(tx, job.id);
          }
          // The state is part of the guard: a job that left it in the meantime, from the queue to the upstream or back,
          // has a different deadline.
          const move = { ...moves.expire, from: [job.state], attempt: job.attempt };
          const poll = isFinalFailure(failure.code) ? { nextPollAt: null } : {};
          const failed = await settle.advance(tx, job.id, move, {
            failure,
            settledBy: 'DEADLINE',
            completed: true,
            ...poll,
          });
          if (!failed) return;
          await store.note(tx, job.id, eventOfChange(row, failed, 'DEADLINE', { message: failure.code }));
          log.warn({ jobId: job.id, taskId: job.taskId, code: failure.code }, 'deadline');
        }),
      );
    await (settles ? attempts.run(job.id, end) : end());
  }

  return async (signal: AbortSignal): Promise<boolean> => {
    const overdue = await store.overdue(upstream, limits, BATCH);
    const here = overdue
      .filter(({ job, reason }) => reason === 'attempt' && job.upstreamId === upstream.id)
      .map(({ job }) => job);
    const reports = await lookUps.byId(
      here.flatMap(({ taskId }) => taskId ?? []),
      signal,
    );
    const inDoubt = here.filter(({ taskId }) => taskId === null);
    const listed = listing ? await lookUps.byEcho(inDoubt, signal) : null;
    if (signal.aborted) return false;
    const isLookUpAwaited = lookUpGrace.isRunning(reports === null);
    const isListingAwaited = listingGrace.isRunning(listed !== null && inDoubt.some(({ id }) => !listed.has(id)));
    for (const item of overdue) {
      if (signal.aborted) return false;
      const { job } = item;
      const asked = job.taskId !== null && here.includes(job);
      if (asked && isLookUpAwaited) continue;
      if (isListingAwaited && inDoubt.includes(job) && !listed?.has(job.id)) continue;
      const report = job.taskId === null ? listed?.get(job.id)?.[0] : reports?.get(job.taskId);
      const taskMissing = asked && reports ? !report : item.taskMissing;
      await fail({ ...item, taskMissing }, report).catch((error: unknown) =>
        log.error({ jobId: job.id, err: error }, 'an overdue job could not be ended'),
      );
    }
    return overdue.length >= BATCH && !isLookUpAwaited && !isListingAwaited;
  };
}

/** Tracks across rounds how long the upstream has not answered. */
function createGrace() {
  let failingSince: number | null = null;
  return {
    /** Returns true while jobs still wait for an answer. `failing` is true if there was none in this round. */
    isRunning(failing: boolean): boolean {
      failingSince = failing ? (failingSince ?? performance.now()) : null;
      return failingSince !== null && performance.now() - failingSince < LOOK_UP_GRACE_MS;
    },
  };
}
