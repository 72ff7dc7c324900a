/** The records of clients: the start of every operation, and its outcome as far as the client can know it. */
import type { JobState } from '../../../src/jobs/model/job.ts';

/** A job as a client saw it. */
export interface Seen {
  readonly jobId: string;
  readonly version: number;
  readonly state: JobState;
  /** False while the failure of a job can still be replaced by a success; null if the job has not failed. */
  readonly final: boolean | null;
}

interface Operation {
  readonly client: string;
  /** Links an invoke to its end. */
  readonly operation: number;
  readonly gateway: string;
}

export type End =
  | { readonly type: 'invoke' }
  /** Certainly not executed. */
  | { readonly type: 'fail'; readonly reason: string }
  /** Possibly executed. */
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
        /** The server announced that no more updates will follow. */
        | { readonly type: 'completed' }
        | { readonly type: 'unknown'; readonly reason: string }
        | { readonly type: 'fail'; readonly reason: string }
      ));
