/** What every proof takes and gives. */

export interface ProofOptions {
  /** What is drawn; the same seed draws the same. */
  readonly seed: string;
  /** How much of what the proof is about: jobs, keys, histories, inputs, seconds or kills. */
  readonly size: number;
  /** The built program; by default the project's own. */
  readonly dist?: string;
  readonly log: (message: string) => void;
}

export interface Proof {
  /** For an operator, as JSON. */
  readonly figures: Readonly<Record<string, unknown>>;
  /** Every way in which what was to be shown does not hold; empty when it does. */
  readonly violations: readonly string[];
}

export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Percentiles by the nearest rank, rounded to 0.1; zeros without a value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number): number =>
    Math.round((sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0) * 10) / 10;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** How many are there of each name, in the order of the names. */
export function countOf(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** How many of the intervals overlap at most. One that ends when another begins does not overlap it. */
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
