/**
 * A job: the gateway's record of one generation, and the order of everything that can become known about it.
 *
 * Submit answers, callbacks, polls, lease expiries and deadlines arrive in any order, twice, or never. Each of them is
 * a `Move` with a rank, and a move applies only if it adds to what the row already records. `permits` is that guard as
 * a pure function, and `src/db/jobs/job-writer.ts` is the same guard in SQL. No other code in the project writes a
 * state.
 */

export const jobStates = [
  'QUEUED',
  'SUBMITTING',
  'UNCONFIRMED',
  'PROCESSING',
  'SUCCEEDED',
  'FAILED',
  'CANCELED',
] as const;
export type JobState = (typeof jobStates)[number];

export const motionModes = ['STD', 'PRO'] as const;
export type MotionMode = (typeof motionModes)[number];

export const characterOrientations = ['IMAGE', 'VIDEO'] as const;
export type CharacterOrientation = (typeof characterOrientations)[number];

/** Sources that can settle a job. */
export const settledBys = ['SUBMIT_ANSWER', 'CALLBACK', 'POLL', 'LISTING', 'DEADLINE', 'CANCEL'] as const;
export type SettledBy = (typeof settledBys)[number];

export const chargeStatuses = ['NOT_CHARGED', 'POSSIBLY_CHARGED', 'CHARGED'] as const;
export type ChargeStatus = (typeof chargeStatuses)[number];

export const failureCodes = [
  'CONTENT_REJECTED',
  'INVALID_MEDIA',
  'UPSTREAM_REJECTED',
  'UPSTREAM_FAILED',
  'UPSTREAM_LOST',
  'UPSTREAM_CHANGED',
  'SUBMIT_OUTCOME_UNKNOWN',
  'TIMED_OUT',
  'QUEUE_EXPIRED',
  'MISSING_RESULT',
] as const;
export type FailureCode = (typeof failureCodes)[number];

/** The client's input, in the same shape for every transport. */
export interface JobInput {
  readonly imageUrl: string;
  readonly videoUrl: string;
  readonly prompt: string | null;
  readonly mode: MotionMode;
  /** The upstream's model name, passed through; null leaves the choice to the upstream. */
  readonly model: string | null;
  readonly characterOrientation: CharacterOrientation;
  readonly keepOriginalSound: boolean;
  readonly watermark: boolean;
}

/** A reference that the client attaches to a job; filterable. */
export interface Label {
  readonly key: string;
  readonly value: string;
}

/** Where to notify the client of the job's end, and in which format. */
export interface JobWebhook {
  readonly url: string;
  readonly format: 'STANDARD' | 'FLAT';
}

export interface Video {
  readonly id: string;
  readonly url: string;
  readonly durationSeconds: number | null;
  readonly urlExpiresAt: Date | null;
}

export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  readonly upstreamCode: string | null;
  readonly upstreamTraceId: string | null;
  readonly charge: ChargeStatus;
}

export interface Job {
  readonly id: string;
  readonly accountId: string;
  /** Counter that increases by one with every visible change; watchers compare it. */
  readonly version: number;
  readonly state: JobState;
  readonly rank: number;
  /** Number of attempts to submit that have begun. */
  readonly attempt: number;
  /** Lease token of the latest attempt's submitter; null before the first attempt. */
  readonly leaseToken: string | null;
  /** Position in the queue: of two queued jobs, the one with the lower tag goes first. */
  readonly tag: number;
  readonly upstreamId: string;
  readonly sandbox: boolean;
  readonly input: JobInput;
  readonly labels: readonly Label[];
  readonly webhook: JobWebhook | null;
  readonly idempotencyKey: string | null;
  readonly inputHash: string;
  readonly taskId: string | null;
  readonly video: Video | null;
  readonly failure: Failure | null;
  readonly settledBy: SettledBy | null;
  /** Number of times that a proxy refused the job without giving a reason. */
  readonly suspicions: number;
  readonly cancelRequestedAt: Date | null;
  readonly createdAt: Date;
  /** When the latest attempt began; the job's deadline counts from this time. */
  readonly attemptedAt: Date | null;
  /** When the upstream was first known to have taken the job. */
  readonly submittedAt: Date | null;
  readonly completedAt: Date | null;
  readonly updatedAt: Date;
}

const terminalStates: ReadonlySet<JobState> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED']);

export const isTerminal = (state: JobState): boolean => terminalStates.has(state);

/**
 * Failures that the gateway inferred rather than received from the upstream. A result that arrives within 24 h still
 * turns the job into a success.
 */
const guessedFailures: ReadonlySet<FailureCode> = new Set([
  'TIMED_OUT',
  'UPSTREAM_LOST',
  'SUBMIT_OUTCOME_UNKNOWN',
  'MISSING_RESULT',
]);

export const isFinalFailure = (code: FailureCode): boolean => !guessedFailures.has(code);

/** Returns true if news can still change the job: it has not ended, or its failure was only inferred. */
export const isOpen = (job: Pick<Job, 'state' | 'failure'>): boolean =>
  !isTerminal(job.state) || (job.failure !== null && !isFinalFailure(job.failure.code));

/** Returns true if a new job with the same input has a fair chance of success; false if the input was refused. */
export const isWorthRetrying = (code: FailureCode): boolean =>
  code !== 'CONTENT_REJECTED' && code !== 'INVALID_MEDIA' && code !== 'UPSTREAM_REJECTED';

/** One transition of a job: its target state, how much is known with it, and the conditions for it. */
export interface Move {
  readonly to: JobState;
  readonly rank: number;
  /** States from which the move is allowed; any if absent. */
  readonly from?: readonly JobState[];
  /** Number of begun attempts for which the move is allowed; any if absent. */
  readonly attempt?: number;
  /** Lease token that the caller must hold; none is required if absent. */
  readonly leaseToken?: string;
}

/**
 * All moves. With n attempts begun, the ranks of an attempt are 3n - 2 (submitting), 3n - 1 (its fate is unknown) and
 * 3n (it certainly did not arrive), so that a later attempt outranks late news of an earlier one. Ranks from 1000
 * upward belong to statements about the job itself, from the upstream, the gateway's deadlines and the client.
 */
export const moves = {
  submit: (attempt: number): Move => ({
    to: 'SUBMITTING',
    rank: 3 * attempt - 2,
    from: ['QUEUED'],
    attempt: attempt - 1,
  }),
  doubt: (attempt: number): Move => ({ to: 'UNCONFIRMED', rank: 3 * attempt - 1, from: ['SUBMITTING'], attempt }),
  /** Only the attempt's own submitter can know that the attempt certainly did not arrive. */
  requeue: (attempt: number, leaseToken: string): Move => ({
    to: 'QUEUED',
    rank: 3 * attempt,
    from: ['SUBMITTING', 'UNCONFIRMED'],
    attempt,
    leaseToken,
  }),
  process: { to: 'PROCESSING', rank: 1000 },
  expire: { to: 'FAILED', rank: 1001 },
  fail: { to: 'FAILED', rank: 1002 },
  succeed: { to: 'SUCCEEDED', rank: 1003 },
  cancel: { to: 'CANCELED', rank: 1004, from: ['QUEUED'] },
} as const satisfies Record<string, Move | ((attempt: number, leaseToken: string) => Move)>;

/** Maximum number of attempts whose ranks stay below that of PROCESSING; a job that has used them fails. */
export const MAX_ATTEMPTS = 333;

/**
 * Returns true if the job permits the move. This is the guard of the one statement that writes a state, as a pure
 * function.
 */
export function permits(job: Pick<Job, 'state' | 'rank' | 'attempt' | 'leaseToken'>, move: Move): boolean {
  return (
    job.rank < move.rank &&
    (move.from === undefined || move.from.includes(job.state)) &&
    (move.attempt === undefined || move.attempt === job.attempt) &&
    (move.leaseToken === undefined || move.leaseToken === job.leaseToken)
  );
}
