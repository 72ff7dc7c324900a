/**
 * A job: our record of one generation, and the order of everything that can become known about it.
 *
 * Submit answers, callbacks, polls, lease expiries and deadlines arrive in any order, twice, or never. Each of them is
 * a `Move` with a rank; a move applies only when it says more than the row already knows. `permits` is that guard as a
 * pure function, `src/db/jobs/job-writer.ts` is the same guard as SQL, and nothing else in the project writes a state.
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

/** Who told us the end of a job. */
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

/** What a client asked for; the same shape whichever transport it came by. */
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

/** The client's own reference on a job; filterable. */
export interface Label {
  readonly key: string;
  readonly value: string;
}

/** Where the client wants to be told of the job's end, and in which words. */
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
  /** Rises by one with every visible change; what watchers compare. */
  readonly version: number;
  readonly state: JobState;
  readonly rank: number;
  /** How many attempts to submit have begun. */
  readonly attempt: number;
  /** Whose attempt it is; null before the first. */
  readonly leaseToken: string | null;
  /** Its place in the queue: of two queued jobs the one with the lower tag goes first. */
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
  /** How often a proxy refused it without saying why. */
  readonly suspicions: number;
  readonly cancelRequestedAt: Date | null;
  readonly createdAt: Date;
  /** When the last attempt began; the job's deadline counts from here. */
  readonly attemptedAt: Date | null;
  /** When the upstream was known to have taken it. */
  readonly submittedAt: Date | null;
  readonly completedAt: Date | null;
  readonly updatedAt: Date;
}

const terminalStates: ReadonlySet<JobState> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED']);

export const isTerminal = (state: JobState): boolean => terminalStates.has(state);

/**
 * Failures that are our own guess rather than the upstream's word: a result that comes within 24 h still lifts the job.
 */
const guessedFailures: ReadonlySet<FailureCode> = new Set([
  'TIMED_OUT',
  'UPSTREAM_LOST',
  'SUBMIT_OUTCOME_UNKNOWN',
  'MISSING_RESULT',
]);

export const isFinalFailure = (code: FailureCode): boolean => !guessedFailures.has(code);

/** Whether news can still change how the job stands: it has not ended, or its failure was only our guess. */
export const isOpen = (job: Pick<Job, 'state' | 'failure'>): boolean =>
  !isTerminal(job.state) || (job.failure !== null && !isFinalFailure(job.failure.code));

/** Whether the same input, as a new job, has a fair chance: false where the input itself was refused. */
export const isWorthRetrying = (code: FailureCode): boolean =>
  code !== 'CONTENT_REJECTED' && code !== 'INVALID_MEDIA' && code !== 'UPSTREAM_REJECTED';

/** One step of a job: where to, how much it knows, and from where it is allowed. */
export interface Move {
  readonly to: JobState;
  readonly rank: number;
  /** Allowed only from these states; any when absent. */
  readonly from?: readonly JobState[];
  /** Allowed only while this many attempts have begun; any when absent. */
  readonly attempt?: number;
  /** Allowed only to whoever holds the attempt's lease; anybody when absent. */
  readonly leaseToken?: string;
}

/**
 * Every move there is. With n attempts begun, the ranks of an attempt are 3n - 2 (submitting), 3n - 1 (its fate is
 * unknown) and 3n (it surely did not arrive), so that a later attempt outranks whatever is still heard of an earlier
 * one, and 1000 upward what the upstream, our deadlines and the client said about the job itself.
 */
export const moves = {
  submit: (attempt: number): Move => ({
    to: 'SUBMITTING',
    rank: 3 * attempt - 2,
    from: ['QUEUED'],
    attempt: attempt - 1,
  }),
  doubt: (attempt: number): Move => ({ to: 'UNCONFIRMED', rank: 3 * attempt - 1, from: ['SUBMITTING'], attempt }),
  /** Only the attempt's own submitter knows that it surely did not arrive. */
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

/** How many attempts keep an attempt's rank below PROCESSING's; the store refuses to begin more. */
export const MAX_ATTEMPTS = 333;

/** The guard of the one statement that writes a state, as a pure function. */
export function permits(job: Pick<Job, 'state' | 'rank' | 'attempt' | 'leaseToken'>, move: Move): boolean {
  return (
    job.rank < move.rank &&
    (move.from === undefined || move.from.includes(job.state)) &&
    (move.attempt === undefined || move.attempt === job.attempt) &&
    (move.leaseToken === undefined || move.leaseToken === job.leaseToken)
  );
}
