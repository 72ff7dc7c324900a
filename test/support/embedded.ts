/**
 * Shared helpers of the embedded server's tests: directories, queries, separate processes that run a server as a
 * gateway does, and their cleanup.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { expect, vi } from 'vitest';
import { programOf } from '../../verification/harness/program.ts';
import { canReach, getServiceUser, isRoot, type Owner } from '../../src/db/embedded/owner.ts';
import { findCommand } from '../../src/db/embedded/postmaster.ts';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/db/embedded/server.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const ROOT = dirname(dirname(FOLDER));

/** The user that root runs servers as; null if the tests run as an ordinary user. */
export const serviceUser = isRoot() ? await getServiceUser() : null;
/** True if that user can run a child process from this directory. */
export const canLend = serviceUser !== null && (await canReach(FOLDER, serviceUser));

export const logged: string[] = [];
const cleanups: (() => Promise<unknown>)[] = [];
let template = '';

/** Runs the cleanups that a test has registered, last first. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

export const atEnd = (cleanup: () => Promise<unknown>) => void cleanups.push(cleanup);

export async function start(dataDir: string): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer({ dataDir, log: (_level, message) => logged.push(message) });
  atEnd(() => server.stop());
  return server;
}

/** Creates a directory that no other user can access. */
export async function closedDir(owner: Owner | null = null): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'embedded-'));
  if (owner) await chown(dir, owner.uid, owner.gid);
  atEnd(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Creates a directory that every user can enter. */
export async function openDir(): Promise<string> {
  const dir = await closedDir();
  await chmod(dir, 0o755);
  return dir;
}

/** Creates the database that `fillWithData` copies: a table `kept` with one row. Each copy saves a second. */
export async function makeTemplate(): Promise<void> {
  template = await mkdtemp(join(tmpdir(), 'embedded-template-'));
  await chmod(template, 0o755);
  const server = await start(template);
  await query(server.url, 'create table kept (text text)');
  await insert(server.url, 'first');
  await server.stop();
}

export const removeTemplate = () => rm(template, { recursive: true, force: true });

export async function fillWithData(dir: string): Promise<string> {
  await cp(template, dir, { recursive: true });
  return dir;
}

export async function query(url: string, text: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

export const insert = (url: string, text: string) => query(url, `insert into kept values ('${text}')`);
export const rows = async (url: string) => (await query(url, 'select text from kept order by text')).flat();
export const pidFile = (home: string) => join(home, 'data', 'postmaster.pid');
export const pidOf = async (home: string) => Number((await readFile(pidFile(home), 'utf8')).split('\n')[0]);

export const isAlive = async (pid: number) => (await findCommand(pid)) !== null;

interface Answer {
  readonly url: string;
  readonly dataDir: string;
  readonly adopted: boolean;
  readonly error?: string;
  readonly message?: string;
}

export interface Gateway {
  readonly child: ChildProcess;
  readonly answer: Answer;
  /** Sends SIGKILL to the whole process group. */
  kill(): Promise<void>;
}

/**
 * Starts a separate process that runs an embedded server, as a gateway does. The process leads its process group, like
 * a job of a shell.
 */
export async function startGatewayProcess(dataDir: string, user: Owner | null = null): Promise<Gateway> {
  const child = spawn(process.execPath, [await programOf('test/support/embedded-child.ts'), dataDir], {
    cwd: ROOT,
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    ...user,
  });
  const ended = once(child, 'exit');
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
    await ended;
  };
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const answer = JSON.parse(line) as Answer;
  if (!answer.error) atEnd(() => endServer(answer.dataDir));
  atEnd(kill);
  return { child, answer, kill };
}

async function endServer(home: string): Promise<void> {
  const pid = await pidOf(home).catch(() => 0);
  if (pid === 0 || !(await isAlive(pid))) return;
  process.kill(pid, 'SIGQUIT');
  await vi.waitFor(async () => expect(await isAlive(pid)).toBe(false), { timeout: 30_000, interval: 20 });
}
