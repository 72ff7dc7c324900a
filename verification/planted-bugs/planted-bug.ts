/** A planted bug: edits of a copy of the program, and the scenario that must fail with them and pass without them. */
import type { Harness, HarnessOptions } from '../harness/harness.ts';

/** Replaces the only occurrence of `find`. */
export interface Edit {
  /** A file in `src` or `migrations`, relative to the folder of the project. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface PlantedBug {
  readonly name: string;
  /** Completes "the program ...". */
  readonly bug: string;
  readonly edits: readonly Edit[];
  /** Resolves with the violations, one sentence each. Rejects if it could not determine them. Takes at most 20 s. */
  readonly scenario: (bench: Bench) => Promise<readonly string[]>;
}

/** The environment of a scenario. */
export interface Bench {
  readonly seed: string;
  /** Starts a harness with the build under test. It is stopped when the scenario has ended. */
  startHarness(options: Omit<HarnessOptions, 'dist' | 'log'>): Promise<Harness>;
}
