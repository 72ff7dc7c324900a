/**
 * slowhttptest, Debian's package, against a gateway: many connections that each send, or read, a few bytes now and
 * then.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';

const LOOK_MS = 100;
/**
 * All connections are there after this; the tool's own rate, 50 a second, takes longer. Opening a thousand within one
 * second costs what a thousand requests do: that is another attack.
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
 * Attacks for so long; resolves with how many more files and sockets the process `pid` had open at most, null where the
 * kernel does not tell.
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
