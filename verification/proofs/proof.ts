/** The input and output of every proof, and helpers that they share. */

export interface ProofOptions {
  /** Determines all random choices. The same seed produces the same ones. */
  readonly seed: string;
  /** The size of the run, in the proof's own unit: jobs, keys, histories, inputs, seconds or kills. */
  readonly size: number;
  /** The built program; defaults to the project's own. */
  readonly dist?: string;
  readonly log: (message: string) => void;
}

export interface Proof {
  /** For operators, as JSON. */
  readonly figures: Readonly<Record<string, unknown>>;
  /** All ways in which the result contradicts the claim of the proof; empty if it does not. */
  readonly violations: readonly string[];
}

export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Returns nearest-rank percentiles, rounded to 0.1; zeros if there are no values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number): number =>
    Math.round((sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0) * 10) / 10;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** Counts the occurrences of each name, sorted by name. */
export function countOf(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/**
 * Returns the maximum number of intervals that overlap. An interval that ends when another begins does not overlap it.
 */
export function mostAtOnce(intervals: readonly { readonly from: number; readonly to: number }[]): number {
  const steps = intervals
    .filter(({ from, to }) => from < to)
    .flatMap(({ from, to }) => [
      { at: from, by: 1 },
      { at: to, by: -1 },
    ]);
  steps.sort((one, other) => one.at - other.at || one.by - other.by);
  let now = 0;
  let most = 0;
  for (const { by } of steps) most = Math.max(most, (now += by));
  return most;
}

export const secondsSince = (from: number): number => Math.round((Date.now() - from) / 100) / 10;
