/**
 * Crashes the whole database server at once, as if the machine lost power: none of its processes is left to write
 * anything.
 */
import { execFileSync } from 'node:child_process';
import type { HarnessDatabase } from '../harness/database.ts';

const BACK_LIMIT_MS = 15_000;

export interface Crash {
  /** Kills all processes of the server at the same moment. */
  now(): void;
  /** Resolves when the server answers again. */
  untilBack(): Promise<void>;
}

/** Finds the processes in advance, because acknowledged writes would become durable during the search. */
export async function prepareCrash(database: HarnessDatabase): Promise<Crash> {
  const [row] = await database.query<{ pid: string }>(
    `select split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid`,
  );
  const postmaster = Number(row!.pid);
  const pids = [...childrenOf(postmaster), postmaster];
  return {
    now: () => pids.forEach(kill),
    untilBack: () => database.untilUp(BACK_LIMIT_MS),
  };
}

function childrenOf(parent: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid, of]) => (of === parent ? [pid!] : []));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
