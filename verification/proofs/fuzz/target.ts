/**
 * One door of the program under inputs of any shape: what it is given, what it does with it, and what must be true of
 * that.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { secondsSince, type ProofOptions } from '../proof.ts';

export interface Target<Input, Output> {
  readonly name: string;
  readonly inputs: fc.Arbitrary<Input>;
  /** What is measured. An error that is documented is an output; whatever is thrown is a violation. */
  run(input: Input): Output | Promise<Output>;
  /** How the output breaks a rule; null when it breaks none. */
  judge(input: Input, output: Output): string | null;
  /** Which way it went, to be counted: a target that only ever refuses shows little. */
  kindOf(output: Output): string;
}

export interface TargetFigures {
  readonly inputs: number;
  /** CPU time. */
  readonly slowestMs: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly fastCheckSeed: number;
  readonly seconds: number;
}

/** Of CPU time: on a busy machine the wall clock measures what else runs there. */
const LIMIT_MS = 50;
/**
 * Garbage collection and compilation can make any run slow once. An input that takes longer than `SLOW_MS` counts by
 * the best of `REPEATS` more runs.
 */
const SLOW_MS = 5;
const REPEATS = 3;
const MAX_TOLD = 4_000;

/** fast-check's seed is a number. */
const numberOf = (seed: string): number => createHash('sha256').update(seed).digest().readInt32LE(0);

async function measure<Input, Output>(
  target: Target<Input, Output>,
  input: Input,
): Promise<{ readonly output: Output; readonly ms: number }> {
  const from = process.cpuUsage();
  const output = await target.run(input);
  const { user, system } = process.cpuUsage(from);
  return { output, ms: (user + system) / 1_000 };
}

/** `size` is how many inputs; it ends with the first that breaks a rule, made as small as it can be. */
export async function fuzz<Input, Output>(
  target: Target<Input, Output>,
  { seed, size }: Pick<ProofOptions, 'seed' | 'size'>,
): Promise<{ readonly figures: TargetFigures; readonly violations: readonly string[] }> {
  const from = Date.now();
  const fastCheckSeed = numberOf(`${seed} ${target.name}`);
  const kinds: Record<string, number> = {};
  let [inputs, slowestMs] = [0, 0];

  const property = fc.asyncProperty(target.inputs, async (input) => {
    const first = await measure(target, input);
    let { ms } = first;
    for (let left = REPEATS; ms > SLOW_MS && left > 0; left -= 1) ms = Math.min(ms, (await measure(target, input)).ms);
    inputs += 1;
    slowestMs = Math.max(slowestMs, ms);
    const kind = target.kindOf(first.output);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    if (ms > LIMIT_MS) throw new Error(`it took ${Math.round(ms)} ms of CPU time at best, in ${REPEATS + 1} runs`);
    const broken = target.judge(input, first.output);
    if (broken !== null) throw new Error(broken);
  });
  const details = await fc.check(property, { seed: fastCheckSeed, numRuns: size });

  const violations = details.failed
    ? [
        `${target.name}: ${(details.errorInstance as Error | null)?.message ?? ''}\n${fc.defaultReportMessage(details) ?? ''}`.slice(
          0,
          MAX_TOLD,
        ),
      ]
    : [];
  return {
    figures: {
      inputs,
      slowestMs: Math.round(slowestMs * 100) / 100,
      kinds,
      fastCheckSeed,
      seconds: secondsSince(from),
    },
    violations,
  };
}
