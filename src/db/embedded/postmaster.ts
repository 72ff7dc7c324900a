/** The server process: who it is, when it is ready, how it ends. */
import { execFile } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from './placement.ts';

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process is gone, however it ended. */
  readonly gone: Promise<void>;
}

const FAST_SHUTDOWN_MS = 20_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;
const ORPHAN_CHECK_MS = 200;

/**
 * What `postmaster.pid` says: https://www.postgresql.org/docs/18/storage-file-layout.html. Null when it is missing or
 * not complete yet.
 */
async function readPostmasterFile(cluster: string): Promise<{ pid: number; port: number; status: string } | null> {
  const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  return pid > 1 ? { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' } : null;
}

/** The command line of a living process, joined by blanks; null when there is none, or only a zombie. */
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
 * The living server that a gateway left on this cluster when it was killed, and the command it was started with. Null
 * when there is none; a `postmaster.pid` that names another program's process is removed then, since PostgreSQL would
 * take that for a server. One that names no process stays: PostgreSQL replaces it, and learns from it which shared
 * memory must be free first.
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

/** By its arguments, else by its working directory, which follows a directory that was renamed. */
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

/** Looks at a process that is not our child every 200 ms, without keeping ours alive. */
async function untilGone(pid: number, command: string): Promise<void> {
  while ((await findCommand(pid)) === command) await delay(ORPHAN_CHECK_MS, undefined, { ref: false });
}

/** Waits until the server takes connections. False when it is gone, stopping, or not there after `limitMs`. */
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
 * Fast shutdown, which disconnects clients and loses nothing; after 20 s an immediate one, which the next start
 * recovers from.
 */
export async function stopPostmaster({ pid, gone }: Postmaster, log: Log): Promise<void> {
  let isGone = false;
  void gone.then(() => (isGone = true));
  for (const [signal, limitMs] of [
    ['SIGINT', FAST_SHUTDOWN_MS],
    ['SIGQUIT', IMMEDIATE_SHUTDOWN_MS],
  ] as const) {
    // A tick for `gone` to tell: the pid of a dead server may be somebody else's by now.
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
