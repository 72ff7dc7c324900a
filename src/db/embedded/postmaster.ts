/** The server process: how it is identified, when it is ready, and how it is stopped. */
import { execFile } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from './placement.ts';

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly gone: Promise<void>;
}

const FAST_SHUTDOWN_MS = 20_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;
const ORPHAN_CHECK_MS = 200;

/**
 * Reads `postmaster.pid`: https://www.postgresql.org/docs/18/storage-file-layout.html. Resolves with null if the file
 * is missing or incomplete.
 */
async function readPostmasterFile(cluster: string): Promise<{ pid: number; port: number; status: string } | null> {
  const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  return pid > 1 ? { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' } : null;
}

/** Returns the command line of a running process, joined by spaces; null if there is none or it is a zombie. */
export async function findCommand(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return line.replace(/\0$/, '').replaceAll('\0', ' ') || null;
  }
  const line = await new Promise<string>((resolve) => {
    execFile('ps', ['-ww', '-o', 'stat=', '-o', 'command=', '-p', String(pid)], (error, stdout) =>
      resolve(error ? '' : stdout.trim()),
    );
  });
  const [, state = '', command = ''] = /^(\S+)\s+(.*)$/s.exec(line) ?? [];
  return state === '' || state.startsWith('Z') ? null : command;
}

/**
 * Finds the running server that a killed gateway left on this cluster, and the command that started it. Resolves with
 * null if there is none. In that case it removes a `postmaster.pid` that names a process of another program or a zombie,
 * because PostgreSQL would mistake that process for a server. A file that names no process stays: PostgreSQL replaces it, and
 * learns from it which shared memory must be free first.
 */
export async function findOrphan(
  cluster: string,
  log: Log,
): Promise<{ postmaster: Postmaster; command: string } | null> {
  const file = await readPostmasterFile(cluster);
  if (!file) return null;
  const command = await findCommand(file.pid);
  if (command !== null && (await isServerOf(cluster, file.pid, command))) {
    return { postmaster: { pid: file.pid, port: file.port, gone: untilGone(file.pid, command) }, command };
  }
  if (isAlive(file.pid)) {
    log(
      'warn',
      `Removed ${join(cluster, 'postmaster.pid')}: process ${file.pid} is ${command === null ? 'dead' : 'another program'}`,
    );
    await rm(join(cluster, 'postmaster.pid'), { force: true });
  }
  return null;
}

/** Identifies a server by its arguments, or else by its working directory, which survives a rename of the directory. */
async function isServerOf(cluster: string, pid: number, command: string): Promise<boolean> {
  if (!/(^|\/)postgres -D /.test(command)) return false;
  if (command.includes(`postgres -D ${cluster} -c `)) return true;
  const [theirs, ours] = await Promise.all([stat(`/proc/${pid}/cwd`).catch(() => null), stat(cluster)]);
  return theirs !== null && theirs.ino === ours.ino && theirs.dev === ours.dev;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Resolves when a process that is not our child has ended. Checks every 200 ms, without keeping our process alive. */
async function untilGone(pid: number, command: string): Promise<void> {
  while ((await findCommand(pid)) === command) await delay(ORPHAN_CHECK_MS, undefined, { ref: false });
}

/**
 * Waits until the server accepts connections. Resolves with false if it ends, is stopping, or is not ready within
 * `limitMs`.
 */
export async function untilReady(cluster: string, { pid, port, gone }: Postmaster, limitMs: number): Promise<boolean> {
  let isGone = false;
  void gone.then(() => (isGone = true));
  for (const deadline = Date.now() + limitMs; !isGone && Date.now() < deadline; await delay(5)) {
    const file = await readPostmasterFile(cluster);
    if (file?.pid !== pid) continue;
    if (file.status === 'ready' && file.port === port) return true;
    if (file.status === 'stopping') return false;
  }
  return false;
}

/**
 * Stops the server with a fast shutdown, which disconnects clients and loses nothing. After 20 s it uses an immediate
 * shutdown, from which the next start recovers.
 */
export async function stopPostmaster({ pid, gone }: Postmaster, log: Log): Promise<void> {
  let isGone = false;
  void gone.then(() => (isGone = true));
  for (const [signal, limitMs] of [
    ['SIGINT', FAST_SHUTDOWN_MS],
    ['SIGQUIT', IMMEDIATE_SHUTDOWN_MS],
  ] as const) {
    // Gives `gone` a tick to resolve: the pid of a dead server may already belong to another process.
    await Promise.resolve();
    if (isGone) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
      throw error;
    }
    const timeout = new AbortController();
    const late = await Promise.race([
      gone.then(() => false),
      delay(limitMs, true, { signal: timeout.signal }).catch(() => true),
    ]);
    timeout.abort();
    if (!late) return;
    log('warn', `PostgreSQL (process ${pid}) did not stop within ${limitMs / 1000} s of ${signal}`);
  }
}
