/**
 * Orders and repetitions: whatever is reported about a job, in any order and any number of times, the rules hold.
 * Random histories run through the pure rules. Histories of the same kind run through the real flows on PostgreSQL, and
 * must end as the rules say.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { isTerminal } from '../../../src/jobs/model/job.ts';
import { anyEvent, eventsOfTask, nameOf, surelyNot, truths, type LifeEvent, type Truth } from './events.ts';
import { live, startOfLife, visible, type Life } from './model.ts';
import { startRealLife } from './real.ts';
import { withDatabase } from '../../harness/own-database.ts';
import { secondsSince, type Proof, type ProofOptions } from '../proof.ts';

const MAX_EVENTS = 16;
const MAX_EVENTS_ON_POSTGRES = 10;
/** The number of times that a history must end wrong to count as a counterexample. */
const LIVES = 3;
/** The share of pure histories with arbitrary events. The others are about a task with one true end. */
const ANY_SHARE = 0.5;

/** Converts the seed into a number, as fast-check requires. */
const numberOf = (seed: string): number => createHash('sha256').update(seed).digest().readInt32LE(0);

const liveAll = (events: readonly LifeEvent[], truth: Truth): Life =>
  events.reduce((life, event) => live(life, event, truth), startOfLife());

const told = (events: readonly LifeEvent[]): string => events.map(nameOf).join(', ');

/** Checks arbitrary events in arbitrary order. Throws at the first step that breaks a rule. */
function checkSteps(events: readonly LifeEvent[], truth: Truth): void {
  let life = startOfLife();
  const heard = new Set<string>();
  for (const [index, event] of events.entries()) {
    const before = life.job;
    life = live(life, event, truth);
    const { job } = life;
    const fail = (rule: string): never => {
      throw new Error(`${rule}: ${told(events.slice(0, index + 1))}`);
    };
    if (job.rank < before.rank) fail('the rank fell');
    if (job.state !== before.state && job.version <= before.version)
      fail('the state changed and the version did not rise');
    if (isTerminal(before.state) && before.state !== 'FAILED' && job.state !== before.state)
      fail(`${before.state} was left`);
    if (before.state === 'FAILED' && job.state !== 'FAILED' && job.state !== 'SUCCEEDED') fail('a failure was undone');
    if (before.taskId !== null && job.taskId !== before.taskId) fail('the task changed');
    if (job.attempt > before.attempt && !surelyNot.some((end) => heard.has(`${end} ${before.attempt}`)))
      fail('sent again without a sure no');
    if (job.attempt > before.attempt && before.taskId !== null) fail('sent again although the upstream has a task');
    if (job.state === 'QUEUED' && job.cancelRequestedAt !== null) fail('queued again although its end was asked for');
    heard.add(nameOf(event));
  }
}

/**
 * Checks that the job reaches its end once its task is asked for again, whatever was reported about the task before,
 * and however often.
 */
function checkEnd(events: readonly LifeEvent[], outcome: 'success' | 'failure'): void {
  const { job } = liveAll([...events, { kind: 'round' }], outcome);
  const right =
    outcome === 'success'
      ? job.state === 'SUCCEEDED'
      : job.state === 'FAILED' && job.failure?.code === 'UPSTREAM_FAILED';
  if (!right || job.taskId === null)
    throw new Error(`a ${outcome} ended ${job.state} ${job.failure?.code ?? ''}: ${told(events)}`);
  if (job.attempt !== 1) throw new Error(`a task that exists was paid for again: ${told(events)}`);
}

/** Includes fast-check's own seed and path, which reproduce the counterexample. */
const counterExampleOf = (details: fc.RunDetails<unknown>): string[] =>
  details.failed
    ? [`${(details.errorInstance as Error | null)?.message ?? ''}\n${fc.defaultReportMessage(details) ?? ''}`]
    : [];

/** `size` is the number of histories that run through the pure rules. */
export function proveOrdersPurely({ seed, size }: Pick<ProofOptions, 'seed' | 'size'>): Proof {
  const from = Date.now();
  const any = Math.round(size * ANY_SHARE);
  const history = (event: fc.Arbitrary<LifeEvent>) => fc.array(event, { maxLength: MAX_EVENTS });
  const outcome = fc.constantFrom('success' as const, 'failure' as const);
  const violations = [
    fc.check(fc.property(history(anyEvent), fc.constantFrom(...truths), checkSteps), {
      seed: numberOf(seed),
      numRuns: any,
    }),
    fc.check(
      fc.property(
        outcome.chain((end) => fc.tuple(history(eventsOfTask(end)), fc.constant(end))),
        ([events, end]) => checkEnd(events, end),
      ),
      { seed: numberOf(seed), numRuns: size - any },
    ),
  ].flatMap((details) => counterExampleOf(details as fc.RunDetails<unknown>));
  return { figures: { histories: size, fastCheckSeed: numberOf(seed), seconds: secondsSince(from) }, violations };
}

/** `size` is the number of histories that run on PostgreSQL. `url` refers to a migrated database, which is emptied. */
export async function proveOrdersOnPostgres({ seed, size, log }: ProofOptions, url: string): Promise<Proof> {
  const from = Date.now();
  const real = await startRealLife(url);
  let [lived, events, disturbed] = [0, 0, 0];
  const compare = async (history: readonly LifeEvent[], truth: Truth): Promise<void> => {
    const is = JSON.stringify(visible(await real.live(history, truth)));
    const expected = JSON.stringify(visible(liveAll(history, truth).job));
    if (is !== expected)
      throw new Error(`PostgreSQL says ${is}, the rules say ${expected}; the truth is ${truth}: ${told(history)}`);
  };
  try {
    const property = fc.asyncProperty(
      fc.array(anyEvent, { maxLength: MAX_EVENTS_ON_POSTGRES }),
      fc.constantFrom(...truths),
      async (history, truth) => {
        lived += 1;
        events += history.length;
        if (lived % 500 === 0) log(`${lived} histories on PostgreSQL after ${secondsSince(from)} s`);
        // The events run one after another, so a real violation occurs every time. An effect of a timeout on a busy
        // machine does not.
        for (let left = LIVES; ; disturbed += 1) {
          try {
            return await compare(history, truth);
          } catch (error) {
            if ((left -= 1) === 0) throw error;
          }
        }
      },
    );
    const details = await fc.check(property, { seed: numberOf(seed), numRuns: size });
    return {
      figures: { histories: lived, events, disturbed, seconds: secondsSince(from) },
      violations: counterExampleOf(details as fc.RunDetails<unknown>),
    };
  } finally {
    await real.stop();
  }
}

const POSTGRES_SHARE = 0.02;

/**
 * Runs both, on a database server of its own. `size` is the number of pure histories; one in fifty as many run on
 * PostgreSQL.
 */
export async function proveOrders(options: ProofOptions): Promise<Proof> {
  const pure = proveOrdersPurely(options);
  options.log(`${options.size} histories by the pure rules in ${String(pure.figures.seconds)} s`);
  const real = await withDatabase(({ url }) =>
    proveOrdersOnPostgres({ ...options, size: Math.max(1, Math.round(options.size * POSTGRES_SHARE)) }, url),
  );
  return {
    figures: { pure: pure.figures, onPostgres: real.figures },
    violations: [...pure.violations, ...real.violations],
  };
}
