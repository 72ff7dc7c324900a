/**
 * Plans what the simulated upstream does with one submit and its task. The plan is drawn from the seed, the prompt and
 * the attempt, so that it is repeatable. Pure functions.
 */
import { createRandom } from '../random.ts';
import type { TaskOutcome } from './messages.ts';

export const faults = {
  none: 'answers the task id at once',
  slow: 'answers the task id after up to 1.5 s',
  reset: 'reads the submit and resets the connection',
  close: 'reads the submit and closes the connection',
  hang: 'reads the submit and never answers',
  half: 'answers half a body',
  html: 'answers 502 or 504 with a page of HTML, although the task was taken',
  errorEnvelope: 'answers 500 with an envelope',
  busy: 'answers 429',
  rejected: 'answers 400 or 403',
  finished: 'answers the finished result',
} as const;

type Fault = keyof typeof faults;

/** Weights of the faults of a submit, and probabilities of the faults of each callback. */
export interface FaultRates {
  readonly submits: Readonly<Record<Fault, number>>;
  readonly early: number;
  readonly lost: number;
  readonly contradictory: number;
  readonly forged: number;
  /** Probability that a look-up is answered 503. */
  readonly lookUps: number;
}

export const noFaults: FaultRates = {
  submits: {
    none: 1,
    slow: 0,
    reset: 0,
    close: 0,
    hang: 0,
    half: 0,
    html: 0,
    errorEnvelope: 0,
    busy: 0,
    rejected: 0,
    finished: 0,
  },
  early: 0,
  lost: 0,
  contradictory: 0,
  forged: 0,
  lookUps: 0,
};

export interface PlannedCallback {
  readonly kind: 'true' | 'contradictory' | 'forgedMac' | 'forgedTask';
  readonly afterEndMs: number;
  readonly lost: boolean;
  /**
   * Value of a meaningless field, in which callbacks of one task may differ. True callbacks with the same value are
   * identical.
   */
  readonly variant: number;
}

export interface SubmitPlan {
  readonly fault: Fault;
  /** Whether the upstream accepts the task. */
  readonly taken: boolean;
  readonly outcome: TaskOutcome;
  readonly answerAfterMs: number;
  /** The status of the HTML page, if that is the fault. */
  readonly htmlStatus: 502 | 504;
  readonly taskMs: number;
  /** Whether a callback precedes the answer to the submit. */
  readonly early: boolean;
  readonly callbacks: readonly PlannedCallback[];
}

/** Weights of the number of callbacks of a task: about three on average. */
const callbackCounts = { 0: 5, 1: 15, 2: 15, 3: 20, 4: 25, 5: 20 };
const CALLBACK_SPREAD_MS = 3_000;
const FAILURE_RATE = 0.15;
/** Probability that the task was accepted, for faults that leave this unknown to the gateway. */
const TAKEN_RATE = 0.6;
const MAX_BUSY_ATTEMPTS = 3;

export function planSubmit(
  seed: string,
  prompt: string,
  attempt: number,
  rates: FaultRates,
  taskSeconds: readonly [number, number],
): SubmitPlan {
  const random = createRandom(`${seed}:submit:${prompt}:${attempt}`);
  const drawn = random.weighted(rates.submits);
  const fault = drawn === 'busy' && attempt > MAX_BUSY_ATTEMPTS ? 'none' : drawn;
  const outcome: TaskOutcome = random.chance(FAILURE_RATE) ? 'failure' : 'success';
  const taskMs = fault === 'finished' ? 0 : 1_000 * random.between(...taskSeconds);
  const taken =
    fault === 'busy' || fault === 'rejected'
      ? false
      : ['reset', 'close', 'hang', 'half', 'errorEnvelope'].includes(fault)
        ? random.chance(TAKEN_RATE)
        : true;
  const answerAfterMs = fault === 'slow' ? random.between(200, 1_500) : 0;

  const count = Number(random.weighted(callbackCounts));
  let early = false;
  const callbacks = Array.from({ length: count }, (): PlannedCallback => {
    const forged = random.chance(rates.forged);
    const contradictory = random.chance(rates.contradictory) && outcome === 'success';
    const kind = forged ? (random.chance(0.5) ? 'forgedMac' : 'forgedTask') : contradictory ? 'contradictory' : 'true';
    if (random.chance(rates.early)) early = true;
    return {
      kind,
      afterEndMs: random.between(0, CALLBACK_SPREAD_MS),
      lost: kind === 'true' && random.chance(rates.lost),
      variant: random.integer(0, 2),
    };
  });
  const htmlStatus = random.chance(0.5) ? 502 : 504;
  return { fault, taken, outcome, answerAfterMs, htmlStatus, taskMs: early ? 0 : taskMs, early, callbacks };
}
