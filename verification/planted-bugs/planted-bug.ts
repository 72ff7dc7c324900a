/**
 * A tooth: a bug that is planted into a copy of the program, and the scenario that must turn red with it, and must not
 * without.
 */
import type { Stage, StageOptions } from '../harness/harness.ts';

/** Replaces the one place where `find` stands. */
export interface Edit {
  /** In `src` or `migrations`, from the project's folder. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Tooth {
  readonly name: string;
  /** Completes "the program ...". */
  readonly bug: string;
  readonly edits: readonly Edit[];
  /** Resolves with what is violated, one sentence each; rejects when it could not find out. At most 20 s. */
  readonly scenario: (bench: Bench) => Promise<readonly string[]>;
}

/** What a scenario plays on. */
export interface Bench {
  readonly seed: string;
  /** A stage with the build under test; stopped when the scenario has ended. */
  startStage(options: Omit<StageOptions, 'dist' | 'log'>): Promise<Stage>;
}
