/**
 * The upstream that the core requires, in the core's own vocabulary. `src/upstream/acedata/client.ts` implements it for
 * the real API.
 */
import type { Attempt, SubmitEnd, TaskReport } from '../model/upstream-news.ts';

export interface Upstream {
  /** Identifier, stable across restarts and token rotation. A job belongs to the upstream for which it was accepted. */
  readonly id: string;
  readonly sandbox: boolean;
  /** Maximum duration of one `submit`. */
  readonly submitTimeoutMs: number;
  /** Makes one attempt, without retries. Resolves with how the attempt ended, and never rejects. */
  submit(attempt: Attempt, signal: AbortSignal): Promise<SubmitEnd>;
  /**
   * Looks up at most 50 tasks. Tasks that the upstream does not know are absent from the result. Rejects if no answer
   * could be read.
   */
  lookUp(taskIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TaskReport>>;
  /**
   * Lists the tasks made in a span of time, by the upstream's clock, in at most 20 pages. Rejects if no answer could be
   * read.
   */
  list(span: { readonly from: Date; readonly to: Date }, signal: AbortSignal): Promise<readonly TaskReport[]>;
}
