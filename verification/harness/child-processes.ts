/** Finds the child processes of a process. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Returns the child processes of `parent` that exist now. On Linux, which may have no `ps`, it reads `/proc`. */
export function findChildProcesses(parent: number): number[] {
  return pairs()
    .filter(({ ppid }) => ppid === parent)
    .map(({ pid }) => pid);
}

function pairs(): { pid: number; ppid: number }[] {
  if (process.platform !== 'linux') {
    const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
    return lines.map((line) => line.trim().split(/\s+/).map(Number)).map(([pid, ppid]) => ({ pid: pid!, ppid: ppid! }));
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), ppid: parentOf(name) }));
}

/**
 * Returns the fourth field, the parent. The second field, the name, may contain any characters. Returns 0 for a process
 * that has just exited.
 */
function parentOf(pid: string): number {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    );
  } catch {
    return 0;
  }
}
