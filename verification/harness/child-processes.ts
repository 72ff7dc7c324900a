/** Who was started by whom. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The processes that `parent` has started and that are there now. Linux without `ps` is looked at by `/proc`. */
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

/** The fourth field; the second, the name, may hold anything. 0 for a process that has just gone. */
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
