/** A fuzz target: one entry point of the program with its arbitrary inputs, the call, and the rules for the output. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { secondsSince, type ProofOptions } from '../proof.ts';

export interface Target<Input, Output> {
  readonly name: string;
  readonly inputs: fc.Arbitrary<Input>;
  /** Runs the code that is measured. A documented error is an output; any exception is a violation. */
  run(input: Input): Output | Promise<Output>;
  /** Returns how the output breaks a rule, or null if it breaks none. */
  judge(input: Input, output: Output): string | null;
  /** Returns the kind of output, to be counted: a target that only ever refuses proves little. */
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

/** CPU time, because on a busy machine the wall clock also measures other processes. */
const LIMIT_MS = 50;
/**
 * Garbage collection and compilation can slow down any single run. An input that takes longer than `SLOW_MS` is run up
 * to `REPEATS` more times, and its best time counts.
 */
const SLOW_MS = 5;
const REPEATS = 3;
const MAX_TOLD = 4_000;

/** Converts the seed into a number, as fast-check requires. */
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

/** `size` is the number of inputs. The run ends with the first input that breaks a rule, shrunk as far as possible. */
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
