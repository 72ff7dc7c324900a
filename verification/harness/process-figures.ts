/** Measures the memory and the connections of another process. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';

const KIB = 1_024;
const LISTEN = '0A';

/**
 * Returns the peak resident memory since the last reset, or since the start, in MB. Without `/proc`, returns the
 * current resident memory.
 */
export function peakMb(pid: number): number {
  return process.platform === 'linux' ? statusMb(pid, 'VmHWM') : residentMb(pid);
}

/** Resets the peak, where there is `/proc`, and returns the current resident memory in MB. */
export function resetPeak(pid: number): number {
  if (process.platform !== 'linux') return residentMb(pid);
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return statusMb(pid, 'VmRSS');
}

const residentMb = (pid: number): number =>
  toMb(Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })));

const statusMb = (pid: number, name: string): number =>
  toMb(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]));

const toMb = (kib: number): number => Math.round((kib / KIB) * 10) / 10;

/** Counts the open IPv4 connections of the process to this local port; returns null without `/proc`. */
export function countConnections(pid: number, port: number): number | null {
  if (process.platform !== 'linux') return null;
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  const inodes = new Set(
    lines.flatMap(([, local = '', , state, , , , , , inode]) =>
      parseInt(local.split(':')[1]!, 16) === port && state !== LISTEN ? [`socket:[${inode}]`] : [],
    ),
  );
  return readdirSync(`/proc/${pid}/fd`).filter((descriptor) => inodes.has(linkOf(`/proc/${pid}/fd/${descriptor}`)))
    .length;
}

/** Returns an empty string for a descriptor that has just been closed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
