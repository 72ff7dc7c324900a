/**
 * Biting: a tooth's scenario with the project's own build, which must stay green, and with the bug, which must turn
 * red.
 */
import { startStage, type Stage } from '../harness/harness.ts';
import { HEALTHY_DIST, plant } from './plant.ts';
import type { Bench, Tooth } from './planted-bug.ts';

export interface Bitten {
  readonly name: string;
  readonly bug: string;
  readonly verdict: 'bit' | 'did not bite' | 'healthy build is red' | 'not found out';
  /** What was violated with the bug. */
  readonly violations: readonly string[];
  /** What was violated without it, or kept the scenario from finding out. */
  readonly troubles: readonly string[];
  readonly healthySeconds: number;
  readonly bugSeconds: number;
}

interface Run {
  readonly violations: readonly string[];
  readonly error: string | null;
  readonly seconds: number;
}

/** A scenario takes at most 20 s; one that takes so long does not come to its end. */
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
    // One that could not start has stopped what it had started.
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
