/** How long a process has computed, on all its threads, by the kernel's account. */
import { readdirSync, readFileSync } from 'node:fs';

const NS_PER_MS = 1_000_000;

/**
 * In ms, to the microsecond; null where the kernel does not tell (it is Linux that does). Threads that have ended are
 * not in it.
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
