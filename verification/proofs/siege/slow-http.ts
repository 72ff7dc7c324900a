/**
 * Runs slowhttptest, a Debian package, against a gateway: many connections that each send or read a few bytes from time
 * to time.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';

const LOOK_MS = 100;
/**
 * All connections are open after this time. At the tool's own rate of 50 a second, it would take longer. Opening a
 * thousand within one second costs as much as a thousand requests, which is a different attack.
 */
const RAMP_SECONDS = 5;

export const slowModes = {
  headers: ['-H'],
  bodies: ['-B', '-t', 'POST'],
  readers: ['-X', '-z', '32', '-y', '512', '-w', '64', '-n', '5'],
} as const;
export type SlowMode = keyof typeof slowModes;

export function hasSlowHttpTest(): boolean {
  try {
    execFileSync('slowhttptest', ['-h'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/**
 * Attacks for `seconds`. Resolves with the maximum number of additional files and sockets that the process `pid` had
 * open, or with null if the kernel does not report them.
 */
export async function attackSlowly(
  url: string,
  pid: number,
  mode: SlowMode,
  connections: number,
  seconds: number,
): Promise<number | null> {
  const before = openFilesOf(pid);
  let most = before;
  const looking = setInterval(() => (most = Math.max(most ?? 0, openFilesOf(pid) ?? 0)), LOOK_MS);
  const attack = spawn(
    'slowhttptest',
    [
      '-c',
      String(connections),
      '-r',
      String(Math.ceil(connections / Math.min(RAMP_SECONDS, seconds / 2))),
      '-i',
      '5',
      '-l',
      String(seconds),
      '-p',
      '5',
      '-s',
      '8192',
      '-u',
      url,
      ...slowModes[mode],
    ],
    { stdio: 'ignore' },
  );
  await once(attack, 'close');
  clearInterval(looking);
  return before === null ? null : most! - before;
}

function openFilesOf(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return null;
  }
}
