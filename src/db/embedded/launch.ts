/** Starts the server process, or adopts one that was left running. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, open, rename, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SERVER_ENV, serverArguments } from './cluster.ts';
import { EmbeddedServerError, usingDataDir } from './errors.ts';
import { clusterOf, type Log, type Placement } from './placement.ts';
import { findOrphan, stopPostmaster, untilReady, type Postmaster } from './postmaster.ts';

const READY_LIMIT_MS = 60_000;
const RETRY_LIMIT_MS = 15_000;
const MAX_LOG_BYTES = 10 * 1024 * 1024;

/**
 * Startup failures that a retry may resolve: the port was taken in the meantime, or the remains of a killed server are
 * still exiting.
 */
const PASSING =
  /could not create any TCP\/IP sockets|shared memory block .* still in use|lock file "postmaster\.pid" already exists/;

/**
 * Adopts an orphan that has the same programs and settings and becomes ready, and stops any other. Resolves with null
 * if none was adopted.
 */
export async function adoptOrphan({ home }: Placement, postgres: string, log: Log): Promise<Postmaster | null> {
  const cluster = clusterOf(home);
  const orphan = await findOrphan(cluster, log);
  if (!orphan) return null;
  const { postmaster, command } = orphan;
  const same = command === [postgres, ...serverArguments(cluster, postmaster.port)].join(' ');
  if (same && (await untilReady(cluster, postmaster, READY_LIMIT_MS))) {
    log('info', `Adopted the PostgreSQL server (process ${postmaster.pid}) that an earlier gateway left running`);
    return postmaster;
  }
  log(
    'info',
    `Stopping the PostgreSQL server (process ${postmaster.pid}) that an earlier gateway left ${same ? 'unready' : 'with other settings'}`,
  );
  await stopPostmaster(postmaster, log);
  return null;
}

/** Starts the server on `fixedPort` if given, and otherwise on a free port. */
export async function launch(
  placement: Placement,
  postgres: string,
  log: Log,
  fixedPort?: number,
): Promise<Postmaster> {
  const { home, owner } = placement;
  const cluster = clusterOf(home);
  const logPath = join(home, 'postgres.log');
  for (const deadline = Date.now() + RETRY_LIMIT_MS; ; await delay(100)) {
    const port = fixedPort ?? (await findFreePort());
    const output = await usingDataDir(home, () => openLog(logPath, placement));
    const { size } = await output.stat();
    // Detached, so that Ctrl-C does not stop the database while the gateway still drains.
    const child = spawn(postgres, serverArguments(cluster, port), {
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
      cwd: home,
      env: SERVER_ENV,
      ...owner,
    });
    const failure = new Promise<Error>((resolve) => child.once('error', resolve));
    const gone = Promise.race([once(child, 'exit').catch(() => {}), failure]).then(() => {});
    await output.close();
    child.unref();
    if (child.pid === undefined)
      throw new EmbeddedServerError(
        `PostgreSQL cannot run here (${(await failure).message}): set DATABASE_URL to a PostgreSQL server.`,
      );

    const postmaster = { pid: child.pid, port, gone };
    if (await untilReady(cluster, postmaster, READY_LIMIT_MS)) return postmaster;
    if (child.exitCode === null && child.signalCode === null) await stopPostmaster(postmaster, log);
    const said = await readLogFrom(logPath, size);
    if (PASSING.test(said) && Date.now() < deadline) {
      // The start may have collided with an orphan that had not written its file at the time of the check.
      const orphan = await adoptOrphan(placement, postgres, log);
      if (orphan) return orphan;
      continue;
    }
    throw new EmbeddedServerError(
      `PostgreSQL did not start. The end of ${logPath}:\n${said.trim().split('\n').slice(-15).join('\n')}`,
    );
  }
}

async function openLog(path: string, { owner }: Placement) {
  const found = await stat(path).catch(() => null);
  if (found && found.size > MAX_LOG_BYTES) await rename(path, `${path}.1`);
  // Does not follow links: for root, this directory belongs to another user.
  const output = await open(
    path,
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  );
  if (owner) await output.chown(owner.uid, owner.gid);
  return output;
}

async function readLogFrom(path: string, start: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, start);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
