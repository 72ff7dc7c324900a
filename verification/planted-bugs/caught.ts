/**
 * Runs the scenario of a planted bug with the project's own build, where it must pass, and with the bug, where it must
 * fail.
 */
import { startStage, type Stage } from '../harness/harness.ts';
import { HEALTHY_DIST, plant } from './plant.ts';
import type { Bench, Tooth } from './planted-bug.ts';

export interface Bitten {
  readonly name: string;
  readonly bug: string;
  readonly verdict: 'bit' | 'did not bite' | 'healthy build is red' | 'not found out';
  /** Violations with the bug. */
  readonly violations: readonly string[];
  /** Violations without the bug, and errors because of which a scenario had no result. */
  readonly troubles: readonly string[];
  readonly healthySeconds: number;
  readonly bugSeconds: number;
}

interface Run {
  readonly violations: readonly string[];
  readonly error: string | null;
  readonly seconds: number;
}

/** A scenario takes at most 20 s. One that takes this long will not finish. */
const LIMIT_MS = 90_000;

const seconds = (from: number): number => Math.round((performance.now() - from) / 100) / 10;

async function run(tooth: Tooth, dist: string, seed: string, signal: AbortSignal): Promise<Run> {
  const from = performance.now();
  const stages: Promise<Stage>[] = [];
  const bench: Bench = {
    seed,
    startStage(options) {
      const stage = startStage({ ...options, dist });
      stages.push(stage);
      return stage;
    },
  };
  let timer: NodeJS.Timeout | undefined;
  let interrupt = (): void => undefined;
  const givenUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${LIMIT_MS / 1_000} s`)), LIMIT_MS);
    interrupt = (): void => reject(new Error('interrupted'));
    signal.addEventListener('abort', interrupt);
  });
  try {
    const violations = await Promise.race([tooth.scenario(bench), givenUp]);
    return { violations, error: null, seconds: seconds(from) };
  } catch (error) {
    return { violations: [], error: error instanceof Error ? error.message : String(error), seconds: seconds(from) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupt);
    // If a harness could not start, it has already stopped its parts.
    for (const stage of stages)
      await stage.then(
        (started) => started.stop(),
        () => undefined,
      );
  }
}

export async function bite(tooth: Tooth, seed: string, signal: AbortSignal): Promise<Bitten> {
  const bugDist = await plant(tooth.name, tooth.edits);
  const healthy = await run(tooth, HEALTHY_DIST, `${seed}-healthy`, signal);
  const bug = await run(tooth, bugDist, `${seed}-bug`, signal);
  const troubles = [...healthy.violations, ...[healthy, bug].flatMap(({ error }) => error ?? [])];
  const verdict =
    healthy.error !== null || bug.error !== null
      ? 'not found out'
      : healthy.violations.length > 0
        ? 'healthy build is red'
        : bug.violations.length > 0
          ? 'bit'
          : 'did not bite';
  return {
    name: tooth.name,
    bug: tooth.bug,
    verdict,
    violations: bug.violations,
    troubles,
    healthySeconds: healthy.seconds,
    bugSeconds: bug.seconds,
  };
}
