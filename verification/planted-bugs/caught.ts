/**
 * Runs the scenario of a planted bug with the project's own build, where it must pass, and with the bug, where it must
 * fail.
 */
import { startHarness, type Harness } from '../harness/harness.ts';
import { HEALTHY_DIST, plant } from './plant.ts';
import type { Bench, PlantedBug } from './planted-bug.ts';

export interface PlantedBugResult {
  readonly name: string;
  readonly bug: string;
  readonly verdict: 'caught' | 'did not checkPlantedBug' | 'healthy build fails' | 'not decided';
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

async function run(plantedBug: PlantedBug, dist: string, seed: string, signal: AbortSignal): Promise<Run> {
  const from = performance.now();
  const stages: Promise<Harness>[] = [];
  const bench: Bench = {
    seed,
    startHarness(options) {
      const harness = startHarness({ ...options, dist });
      stages.push(harness);
      return harness;
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
    const violations = await Promise.race([plantedBug.scenario(bench), givenUp]);
    return { violations, error: null, seconds: seconds(from) };
  } catch (error) {
    return { violations: [], error: error instanceof Error ? error.message : String(error), seconds: seconds(from) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupt);
    // If a harness could not start, it has already stopped its parts.
    for (const harness of stages)
      await harness.then(
        (started) => started.stop(),
        () => undefined,
      );
  }
}

export async function checkPlantedBug(
  plantedBug: PlantedBug,
  seed: string,
  signal: AbortSignal,
): Promise<PlantedBugResult> {
  const bugDist = await plant(plantedBug.name, plantedBug.edits);
  const healthy = await run(plantedBug, HEALTHY_DIST, `${seed}-healthy`, signal);
  const bug = await run(plantedBug, bugDist, `${seed}-bug`, signal);
  const troubles = [...healthy.violations, ...[healthy, bug].flatMap(({ error }) => error ?? [])];
  const verdict =
    healthy.error !== null || bug.error !== null
      ? 'not decided'
      : healthy.violations.length > 0
        ? 'healthy build fails'
        : bug.violations.length > 0
          ? 'caught'
          : 'did not checkPlantedBug';
  return {
    name: plantedBug.name,
    bug: plantedBug.bug,
    verdict,
    violations: bug.violations,
    troubles,
    healthySeconds: healthy.seconds,
    bugSeconds: bug.seconds,
  };
}
