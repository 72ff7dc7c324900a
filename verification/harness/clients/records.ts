/** What clients write down: every operation when it begins, and how it ended as far as they can know. */
import type { JobState } from '../../../src/jobs/model/job.ts';

/** A job as a client saw it. */
export interface Seen {
  readonly jobId: string;
  readonly version: number;
  readonly state: JobState;
  /** False while a failed job can still be lifted; null when it has not failed. */
  readonly final: boolean | null;
}

interface Operation {
  readonly client: string;
  /** Connects an invoke with its end. */
  readonly operation: number;
  readonly gateway: string;
}

export type End =
  | { readonly type: 'invoke' }
  /** Surely not done. */
  | { readonly type: 'fail'; readonly reason: string }
  /** Perhaps done, perhaps not. */
  | { readonly type: 'unknown'; readonly reason: string };

export type ClientRecord =
  | ({ readonly op: 'generate'; readonly key: string } & Operation &
      (End | { readonly type: 'ok'; readonly replayed: boolean; readonly seen: Seen }))
  | ({ readonly op: 'cancel'; readonly jobId: string } & Operation &
      (End | { readonly type: 'ok'; readonly seen: Seen }))
  | ({ readonly op: 'read'; readonly jobId: string } & Operation &
      (End | { readonly type: 'ok'; readonly seen: Seen | null }))
  | ({ readonly op: 'watch'; readonly jobId: string } & Operation &
      (
        | { readonly type: 'invoke'; readonly afterVersion: number }
        | { readonly type: 'saw'; readonly seen: Seen }
        /** The server said that nothing more will come. */
        | { readonly type: 'completed' }
        | { readonly type: 'unknown'; readonly reason: string }
        | { readonly type: 'fail'; readonly reason: string }
      ));
