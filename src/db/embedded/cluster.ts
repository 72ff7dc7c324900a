/** The database cluster: its files, its password and the settings with which it is always started. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lchown, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { DataDirError, EmbeddedServerError, usingDataDir } from './errors.ts';
import { clusterOf, type Log, type Placement } from './placement.ts';

export const DATABASE = 'gateway';
const USER = 'gateway';

/**
 * Returns the URL of the server. It specifies everything that `pg` would otherwise take from the environment, because
 * `PGSSLMODE` and similar variables are meant for other servers.
 */
export const urlOf = (password: string, port: number): string =>
  `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}?sslmode=disable`;

/**
 * The complete environment of PostgreSQL. It inherits nothing from our environment, which holds secrets and may hold
 * PG* variables for another server.
 */
export const SERVER_ENV = { LC_ALL: 'C', TZ: 'UTC' };

const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  logging_collector: 'off',
  // Ends statements that a killed gateway left running, and thereby releases their locks.
  client_connection_check_interval: '2s',
};

/** Returns the arguments of `postgres`. An orphan that was started with other arguments is restarted. */
export function serverArguments(cluster: string, port: number): string[] {
  return [
    '-D',
    cluster,
    ...Object.entries({ ...SETTINGS, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

/**
 * Creates the cluster atomically if there is none, in about 0.9 s. Returns the password. Throws a `DataDirError` if the
 * cluster has another major version than `version`. The caller must hold the lock of the home.
 */
export async function openCluster(
  { home, owner }: Placement,
  { initdb }: Binaries,
  version: string,
  log: Log,
): Promise<string> {
  const cluster = clusterOf(home);
  const passwordFile = join(home, 'password');
  const major = version.split('.')[0];
  const found = await stat(cluster).catch(() => null);

  if (!found) {
    log('info', `Creating a PostgreSQL ${major} database in ${home}`);
    await usingDataDir(home, async () => {
      for (const name of await readdir(home)) {
        if (name.startsWith('new-')) await rm(join(home, name), { recursive: true, force: true });
      }
      await writeDurably(passwordFile, randomBytes(24).toString('base64url'));
      if (owner) await lchown(passwordFile, owner.uid, owner.gid);
    });
    const fresh = await usingDataDir(home, () => mkdtemp(join(home, 'new-')));
    if (owner) await lchown(fresh, owner.uid, owner.gid);
    const problem = await runInitdb(initdb, fresh, passwordFile, { home, owner });
    if (problem) {
      await rm(fresh, { recursive: true, force: true });
      throw new EmbeddedServerError(
        `PostgreSQL could not create a database in ${home} (${problem}): fix the problem, or set DATABASE_URL.`,
      );
    }
    await rename(fresh, cluster);
    await syncDirectory(home);
  }

  return usingDataDir(home, async () => {
    const kept = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
    if (kept !== major)
      throw new DataDirError(
        `The database in ${home} was created by PostgreSQL ${kept}, and this gateway runs PostgreSQL ${major}: ` +
          'move the data with pg_dump, or choose another directory with DATA_DIR.',
      );
    return (await readFile(passwordFile, 'utf8')).trim();
  });
}

/** Runs `initdb`. Resolves with null on success, and otherwise with the problem in one line. */
function runInitdb(
  initdb: string,
  cluster: string,
  passwordFile: string,
  { home, owner }: Placement,
): Promise<string | null> {
  const args = [
    '-D',
    cluster,
    '-U',
    USER,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--locale=C',
    '--encoding=UTF8',
    '--no-instructions',
  ];
  return new Promise((resolve) => {
    execFile(initdb, args, { env: SERVER_ENV, cwd: home, ...owner }, (error, _stdout, stderr) => {
      if (!error) return resolve(null);
      if (error.code === 'ENOENT') return resolve('its programs cannot run here; on Linux they require glibc');
      const said =
        stderr
          .trim()
          .split('\n')
          .find((line) => line.includes('rror:') || line.includes('FATAL') || line.includes('could not')) ??
        error.message.split('\n')[0];
      resolve(said ?? 'initdb failed');
    });
  });
}

async function writeDurably(path: string, text: string): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const dir = await open(path, 'r');
  await dir.sync().finally(() => dir.close());
}
