/**
 * The outlook of a job: its position in the queue and its estimated completion time. It is computed on read from the
 * gateway's own history, and never pushed.
 */
import type { GateStore } from '../ports/admission-gate.ts';
import type { Job } from '../model/job.ts';
import type { History, ModeDurations } from '../ports/history.ts';
import type { UpstreamLimits } from '../model/admission-gate.ts';

export interface Outlook {
  /** 1 is the next job; 1,000 means 1,000 or more; null if the job is not queued. */
  readonly queuePosition: number | null;
  /**
   * Null without a basis for an estimate: no history, a closed gate, a job far back in the queue, or a job that takes
   * longer than most.
   */
  readonly estimatedCompletionAt: Date | null;
}

/** Returns the outlooks of these jobs, in the same order. */
export type FindOutlooks = (jobs: readonly Job[]) => Promise<readonly Outlook[]>;

/** How long the durations of tasks are cached; they change slowly. */
const PAST_KEPT_MS = 10_000;

const FAR_BEHIND = 1_000;

export function createFindOutlooks(
  store: History & Pick<GateStore, 'findGate'>,
  upstreamId: string,
  upstreamLimits: UpstreamLimits,
): FindOutlooks {
  let past: { readonly readAtMs: number; readonly durations: Promise<readonly ModeDurations[]> } | null = null;

  function durations(): Promise<readonly ModeDurations[]> {
    if (past === null || Date.now() - past.readAtMs > PAST_KEPT_MS) {
      past = { readAtMs: Date.now(), durations: store.durations(upstreamId) };
      past.durations.catch(() => (past = null));
    }
    return past.durations;
  }

  return async (jobs) => {
    const queued = jobs.filter(({ state }) => state === 'QUEUED');
    const [positions, modes, gate] = await Promise.all([
      store.queuePositions(queued),
      durations(),
      store.findGate(upstreamId),
    ]);
    const now = Date.now();
    return jobs.map((job) => {
      const queuePosition = positions.get(job.id) ?? null;
      const duration = modes.find(({ mode }) => mode === job.input.mode);
      const isHere = job.upstreamId === upstreamId;
      const at =
        duration && isHere
          ? estimate(job, { position: queuePosition, duration, isShut: gate?.reason != null, upstreamLimits, now })
          : null;
      return { queuePosition, estimatedCompletionAt: at === null ? null : new Date(at) };
    });
  };
}

interface Known {
  readonly position: number | null;
  readonly duration: ModeDurations;
  readonly isShut: boolean;
  readonly upstreamLimits: Pick<UpstreamLimits, 'maxInFlight' | 'submitsPerSecond'>;
  /** In ms since 1970, like the result of `estimate`. */
  readonly now: number;
}

/**
 * Estimates when the job will be done. Pure function: the queue advances at the submit rate or as slots become free,
 * whichever is slower.
 */
export function estimate(
  job: Pick<Job, 'state' | 'attemptedAt'>,
  { position, duration, isShut, upstreamLimits, now }: Known,
): number | null {
  const { medianMs, p95Ms } = duration;
  switch (job.state) {
    case 'QUEUED': {
      if (position === null || position >= FAR_BEHIND || isShut) return null;
      const byRateMs = (position / upstreamLimits.submitsPerSecond) * 1_000;
      const bySlotsMs = (Math.max(0, position - 1) / upstreamLimits.maxInFlight) * medianMs;
      return now + Math.max(byRateMs, bySlotsMs) + medianMs;
    }
    case 'SUBMITTING':
    case 'UNCONFIRMED':
    case 'PROCESSING': {
      const startedAt = job.attemptedAt?.getTime() ?? now;
      const likely = [startedAt + medianMs, startedAt + p95Ms].find((at) => at > now);
      return likely ?? null;
    }
    default:
      return null;
  }
}
