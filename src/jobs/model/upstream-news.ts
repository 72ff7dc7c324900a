/** Information about a job that comes from its upstream, in the core's own vocabulary. */
import type { Failure, JobInput, Video } from './job.ts';

/** The upstream's current report on a task, decoded. */
export type Outcome =
  | { readonly kind: 'running' }
  | { readonly kind: 'succeeded'; readonly video: Video }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** How one attempt to submit ended. The four kinds differ in whether the attempt may have arrived. */
export type SubmitEnd =
  /** The request arrived. `outcome` is set if the answer already contained the finished result. */
  | {
      readonly kind: 'accepted';
      readonly taskId: string;
      readonly outcome: Outcome | null;
      readonly traceId: string | null;
    }
  /** No byte of the request left this process. */
  | { readonly kind: 'neverSent'; readonly reason: string }
  /** The upstream read the request and refused it. */
  | {
      readonly kind: 'refused';
      readonly refusal: Refusal;
      readonly httpStatus: number;
      readonly traceId: string | null;
    }
  /**
   * Anything else: the request may have arrived, so it is never sent again. `about` is `job` if the upstream itself
   * complained about the job, and `path` if the problem was on the path. `taskId` is the task that the answer names, if
   * any. Only a look-up shows whether that task belongs to this job.
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
  /** Too many requests: this job waits, and so do all jobs behind it. */
  | { readonly kind: 'busy' }
  /**
   * The gateway's token, balance or address is the cause: no job can pass until an operator acts. If `failure` is set,
   * this job may be the cause after all.
   */
  | { readonly kind: 'blocked'; readonly reason: string; readonly failure?: Failure }
  /** This job is the cause. */
  | { readonly kind: 'rejected'; readonly failure: Failure };

/** The attempt for which a task was made. It is read from the callback URL that the upstream echoes, and verified. */
export interface Echo {
  readonly jobId: string;
  readonly attempt: number;
}

/** The result of a look-up for one task. */
export interface TaskReport {
  readonly taskId: string;
  readonly outcome: Outcome;
  /** Null if the record names no callback URL; `other` if it names one that is not the gateway's. */
  readonly echo: Echo | 'other' | null;
}

/**
 * A callback's claim, decoded. Anyone who knows the URL can claim anything, so `odd` claims are confirmed by a look-up.
 */
export interface Claim {
  readonly taskId: string | null;
  /** Null when the body cannot be read. */
  readonly outcome: Outcome | null;
  /** Why the claim must not be trusted by itself; null if it may be. */
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
