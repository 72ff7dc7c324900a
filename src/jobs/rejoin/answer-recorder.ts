/** Records whether clients received the answers of this instance. Reports are kept until they are recorded. */
import type { AnswerState, RejoinStore } from '../ports/rejoin.ts';
import type { DatabaseClock } from './database-clock.ts';
import type { JoinLimits } from './rejoin-rules.ts';

/** Whether a client received an answer. */
interface AnswerReport {
  /** `DOUBTFUL`: there is no evidence whether the answer arrived. */
  readonly state: Exclude<AnswerState, 'OPEN'> | 'DOUBTFUL';
  /** True if the time to join also starts now for a request that was already unanswered; the default. */
  readonly renew: boolean;
  /** When the answer was written, by this process's clock. */
  readonly writtenAt: number;
}

export interface AnswerRecorder {
  /** Replaces an earlier report about this job that is not recorded yet. */
  report(jobId: string, state: AnswerReport['state'], options?: Partial<Omit<AnswerReport, 'state'>>): void;
  /** Returns true if the answer arrived and this is not recorded yet. */
  hasUnrecordedArrival(jobId: string): boolean;
  /** Records all reports. A report that cannot be recorded is kept. */
  record(): Promise<void>;
}

interface AnswerRecorderDeps {
  readonly store: RejoinStore;
  readonly instanceId: string;
  readonly limits: JoinLimits;
  readonly clock: DatabaseClock;
}

export function createAnswerRecorder({ store, instanceId, limits, clock }: AnswerRecorderDeps): AnswerRecorder {
  const unrecorded = new Map<string, AnswerReport>();

  async function recordGroup(entries: readonly Entry[]): Promise<void> {
    const { state, renew } = entries[0]![1];
    const jobIds = entries.map(([jobId]) => jobId);
    if (state !== 'DOUBTFUL') await store.recordAnswers(instanceId, jobIds, state, renew);
    // The earliest of several times counts, so that no repeat of any answer is mistaken for a request that arrived
    // before that answer.
    else
      await store.recordDoubts(
        instanceId,
        jobIds,
        clock.toDatabaseMs(Math.min(...entries.map(([, { writtenAt }]) => writtenAt))),
        Math.max(0, limits.joinMs - limits.doubtMs),
      );
    // Skipped if a later report about the same job arrived in the meantime.
    for (const [jobId, report] of entries) if (unrecorded.get(jobId) === report) unrecorded.delete(jobId);
  }

  return {
    report(jobId, state, { renew = true, writtenAt = performance.now() } = {}) {
      unrecorded.set(jobId, {
        state: state === 'DOUBTFUL' && limits.doubtMs === 0 ? 'ANSWERED' : state,
        renew,
        writtenAt,
      });
    },
    hasUnrecordedArrival: (jobId) => unrecorded.get(jobId)?.state === 'ANSWERED',
    async record() {
      for (const entries of groupsOf(unrecorded)) await recordGroup(entries);
    },
  };
}

type Entry = [jobId: string, report: AnswerReport];

/** Groups the reports that one statement can record. */
function groupsOf(reports: ReadonlyMap<string, AnswerReport>): readonly (readonly Entry[])[] {
  const groups = new Map<string, Entry[]>();
  for (const entry of reports) {
    const [, { state, renew }] = entry;
    const name = `${state} ${renew}`;
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return [...groups.values()];
}
