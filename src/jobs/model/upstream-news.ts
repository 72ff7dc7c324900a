/** What becomes known of a job from its upstream, in the core's own words. */
import type { Failure, JobInput, Video } from './job.ts';

/** What the upstream says now, decoded. */
export type Outcome =
  | { readonly kind: 'running' }
  | { readonly kind: 'succeeded'; readonly video: Video }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** How one attempt to submit ended. The four kinds differ in the one thing that counts: whether it may have arrived. */
export type SubmitEnd =
  /** It has arrived. `outcome` is set when the answer already was the finished result. */
  | {
      readonly kind: 'accepted';
      readonly taskId: string;
      readonly outcome: Outcome | null;
      readonly traceId: string | null;
    }
  /** No byte of the request left this process. */
  | { readonly kind: 'neverSent'; readonly reason: string }
  /** The upstream read it and said no. */
  | {
      readonly kind: 'refused';
      readonly refusal: Refusal;
      readonly httpStatus: number;
      readonly traceId: string | null;
    }
  /**
   * Anything else: it may have arrived, so it is never sent again. `about` says whether the upstream itself complained
   * of the job, or something on the path. `taskId` is the task that the answer names, if any. Only a look-up shows
   * whether it is this job's.
   */
  | {
      readonly kind: 'ambiguous';
      readonly about: 'job' | 'path';
      readonly reason: string;
      readonly httpStatus: number | null;
      readonly traceId: string | null;
      readonly taskId: string | null;
    };

export type Refusal =
  /** Too many requests: this job waits, and so does everybody behind it. */
  | { readonly kind: 'busy' }
  /**
   * Our token, balance or address is at fault: no job can pass until an operator acts. With a `failure` it may be this
   * job after all.
   */
  | { readonly kind: 'blocked'; readonly reason: string; readonly failure?: Failure }
  /** This job is at fault. */
  | { readonly kind: 'rejected'; readonly failure: Failure };

/** Which attempt a task says it was made for: read from the callback URL that the upstream echoes, and verified. */
export interface Echo {
  readonly jobId: string;
  readonly attempt: number;
}

/** What a look-up knows of one task. */
export interface TaskReport {
  readonly taskId: string;
  readonly outcome: Outcome;
  /** Null when the record does not say; `other` when it names a callback URL that is none of ours. */
  readonly echo: Echo | 'other' | null;
}

/**
 * A callback's claim, decoded. Anybody who knows the URL can claim anything, so `odd` claims are confirmed by a
 * look-up.
 */
export interface Claim {
  readonly taskId: string | null;
  /** Null when the body cannot be read. */
  readonly outcome: Outcome | null;
  /** Why the claim must not be believed by itself; null when it may. */
  readonly odd: string | null;
}

export interface Attempt {
  readonly jobId: string;
  readonly attempt: number;
  readonly input: JobInput;
}

export interface UpstreamName {
  readonly id: string;
  readonly sandbox: boolean;
}
