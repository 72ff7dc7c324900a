/** Deadlines: what is overdue fails, but what a look-up can still settle is not failed. */
import { deadlineFailure } from './deadline-failure.ts';
import { isFinalFailure, moves } from '../model/job.ts';
import type { LookUps } from './look-up.ts';
import { isOfAnother, type Polling } from './poll.ts';
import type { JobStore } from '../ports/store.ts';
import type { OverdueJob } from '../ports/work-queue.ts';
import type { Log } from '../../log.ts';
import type { Settling } from '../settle/settle.ts';
import { besidesTaken } from '../settle/taken-tasks.ts';
import { told } from '../model/job-event.ts';
import type { Upstream } from '../ports/upstream.ts';
import type { TaskReport } from '../model/upstream-news.ts';
import type { WorkAttempts } from './work-attempts.ts';

export interface DeadlineDeps {
  readonly store: JobStore;
  readonly upstream: Pick<Upstream, 'id' | 'sandbox'>;
  readonly settling: Settling;
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
 * A job that a look-up or a listing can settle fails at its deadline only after one, or when the upstream has answered
 * none for this long.
 */
const LOOK_UP_GRACE_MS = 300_000;

/**
 * During a rolling change of the upstream, instances of both run for a while. Neither fails jobs that the other has
 * just accepted, or can still look up.
 */
const CHANGE_OF_INSTANCES_MS = 300_000;

/** Fails one batch of what is overdue. Resolves with whether the batch was full. */
export function createFailOverdue({
  store,
  upstream,
  settling,
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
    // A task that was found by listing is known from now on, running or not; the job's own deadline comes in the next
    // round.
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
          // The state is part of the guard: what left it meanwhile, from the queue to the upstream or back, has another
          // deadline.
          const move = { ...moves.expire, from: [job.state], attempt: job.attempt };
          const poll = isFinalFailure(failure.code) ? { nextPollAt: null } : {};
          const failed = await settling.advance(tx, job.id, move, {
            failure,
            settledBy: 'DEADLINE',
            completed: true,
            ...poll,
          });
          if (!failed) return;
          await store.note(tx, job.id, told(row, failed, 'DEADLINE', { message: failure.code }));
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

/** Tracks for how long the upstream has not answered, across rounds. */
function createGrace() {
  let failingSince: number | null = null;
  return {
    /** Whether jobs still wait for an answer. `failing` says whether there was none in this round. */
    isRunning(failing: boolean): boolean {
      failingSince = failing ? (failingSince ?? performance.now()) : null;
      return failingSince !== null && performance.now() - failingSince < LOOK_UP_GRACE_MS;
    },
  };
}
