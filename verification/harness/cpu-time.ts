/** Measures the CPU time of a process over all its threads, as accounted by the kernel. */
import { readdirSync, readFileSync } from 'node:fs';

const NS_PER_MS = 1_000_000;

/**
 * Returns the CPU time in ms, to the microsecond, or null if the kernel does not report it (only Linux does). Threads
 * that have ended are not included.
 */
export function cpuMsOf(pid: number): number | null {
  try {
    const folder = `/proc/${pid}/task`;
    return (
      readdirSync(folder).reduce(
        (sum, thread) => sum + Number(readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ')[0]),
        0,
      ) / NS_PER_MS
    );
  } catch {
    return null;
  }
}
