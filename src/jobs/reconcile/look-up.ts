/**
 * Looks up tasks at the upstream, many at a time. A null result means that the upstream did not answer; it says nothing
 * about any task.
 */
import type { Job } from '../model/job.ts';
import type { Log } from '../../log.ts';
import type { Upstream } from '../ports/upstream.ts';
import type { TaskReport } from '../model/upstream-news.ts';

export type Reports = ReadonlyMap<string, TaskReport>;

/** The upstream takes at most 50 ids in one look-up. */
const BATCH = 50;

/** Tolerance for clock skew between the gateway and the upstream, and for a submit that was delayed in transit. */
const SKEW_MS = 120_000;

/** Maximum number of spans listed in one round; the others wait for the next round. */
const MAX_SPANS = 5;

export interface LookUps {
  byId(taskIds: readonly string[], signal: AbortSignal): Promise<Reports | null>;
  /**
   * Returns the tasks of jobs whose submit was never answered, by job id. Tasks are found in listings by the callback
   * URL that they echo. A job without a task has an empty list. A job is absent if the upstream did not answer its
   * listing.
   */
  byEcho(jobs: readonly Job[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly TaskReport[]>>;
}

export function createLookUps(upstream: Upstream, log: Log): LookUps {
  const answered = <T>(what: string, asking: Promise<T>, signal: AbortSignal): Promise<T | null> =>
    asking.catch((error: unknown) => {
      if (!signal.aborted) log.warn({ err: error }, what);
      return null;
    });

  async function lookUp(taskIds: readonly string[], signal: AbortSignal): Promise<Reports> {
    const ids = [...new Set(taskIds)];
    const reports = new Map<string, TaskReport>();
    for (let from = 0; from < ids.length; from += BATCH) {
      for (const [id, report] of await upstream.lookUp(ids.slice(from, from + BATCH), signal)) reports.set(id, report);
    }
    return reports;
  }

  return {
    byId: (taskIds, signal) => answered('tasks could not be looked up', lookUp(taskIds, signal), signal),

    async byEcho(jobs, signal) {
      const found = new Map<string, TaskReport[]>();
      for (const span of spansOf(jobs, upstream.submitTimeoutMs).slice(0, MAX_SPANS)) {
        const reports = await answered('tasks could not be listed', upstream.list(span, signal), signal);
        // The other spans would most likely go unanswered as well, each after a timeout.
        if (reports === null) break;
        for (const { id, attemptedAt } of jobs)
          if (attemptedAt !== null && attemptedAt >= span.from && attemptedAt <= span.to) found.set(id, []);
        for (const report of reports)
          if (report.echo !== null && report.echo !== 'other') found.get(report.echo.jobId)?.push(report);
      }
      return found;
    },
  };
}

interface Span {
  readonly from: Date;
  readonly to: Date;
}

/**
 * Returns the time spans in which the tasks of these attempts can have been created, newest first. Overlapping spans
 * are merged.
 */
export function spansOf(jobs: readonly Pick<Job, 'attemptedAt'>[], submitTimeoutMs: number): Span[] {
  const starts = jobs.flatMap(({ attemptedAt }) => attemptedAt?.getTime() ?? []).sort((a, b) => a - b);
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const start of starts) {
    const [fromMs, toMs] = [start - SKEW_MS, start + submitTimeoutMs + SKEW_MS];
    const last = spans.at(-1);
    if (last && fromMs <= last.toMs) last.toMs = toMs;
    else spans.push({ fromMs, toMs });
  }
  return spans.map(({ fromMs, toMs }) => ({ from: new Date(fromMs), to: new Date(toMs) })).reverse();
}
