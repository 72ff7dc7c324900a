/** What the core needs of the upstream, in the core's own words. `src/upstream/acedata/client.ts` fits it to the real one. */
import type { Attempt, SubmitEnd, TaskReport } from '../model/upstream-news.ts';

export interface Upstream {
  /** Stable over restarts and token rotation; a job belongs to the upstream it was accepted for. */
  readonly id: string;
  readonly sandbox: boolean;
  /** How long one `submit` may take at most. */
  readonly submitTimeoutMs: number;
  /** One attempt, never repeated inside. Resolves with how it ended and never rejects. */
  submit(attempt: Attempt, signal: AbortSignal): Promise<SubmitEnd>;
  /**
   * Looks up at most 50 tasks; a task that the upstream does not know is absent. Rejects when no answer could be read.
   */
  lookUp(taskIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TaskReport>>;
  /**
   * The tasks made in a span of time, as the upstream's clock has it; in at most 20 pages. Rejects when no answer could
   * be read.
   */
  list(span: { readonly from: Date; readonly to: Date }, signal: AbortSignal): Promise<readonly TaskReport[]>;
}
