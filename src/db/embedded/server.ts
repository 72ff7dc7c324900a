/**
 * A real PostgreSQL server of our own: nothing to install, one per data directory, it survives us and we survive it.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { explainDatabaseError } from '../connection/explain-error.ts';
import { SessionClient } from '../connection/session.ts';
import { getServerPackage, prepareBinaries } from './binaries.ts';
import { DATABASE, openCluster, urlOf } from './cluster.ts';
import { EmbeddedServerError, usingDataDir } from './errors.ts';
import { adoptOrphan, launch } from './launch.ts';
import { lockDataDir } from './lock.ts';
import { placeData, type Log } from './placement.ts';
import { stopPostmaster, type Postmaster } from './postmaster.ts';

export interface EmbeddedServer {
  /**
   * `postgres://...` with the password, of the database `gateway`, as a superuser. The port differs from start to
   * start, and stays when the server dies: it is started again within seconds.
   */
  readonly url: string;
  /** Where the data really live, which for root may be elsewhere. */
  readonly dataDir: string;
  /** Whether it ran already, left over by a gateway that was killed. */
  readonly adopted: boolean;
  /** Disconnects everybody, loses nothing, at most 30 s. Idempotent. */
  stop(): Promise<void>;
}

const RESTART_PAUSE_MS = 1_000;

/**
 * Starts the server of a data directory, or adopts the one that a killed gateway left there; creates it the first time.
 * About 1 s the first time, 0.1 s later. It neither keeps this process alive nor ends with it: without `stop()` it runs
 * on, and the next start adopts it.
 *
 * Throws `DataDirInUseError` when another process works on the data, `DataDirError` when the directory cannot be used,
 * and `EmbeddedServerError`, of which both are, when there is no server for this platform or it does not start.
 */
export async function startEmbeddedServer({ dataDir, log }: { dataDir: string; log: Log }): Promise<EmbeddedServer> {
  const serverPackage = await getServerPackage();
  const placement = await placeData(dataDir, log);
  const { home, owner } = placement;
  // The lock comes before any look at a server: what runs on locked data is a living gateway's.
  const lock = await usingDataDir(home, () => lockDataDir(home, owner));
  let postmaster: Postmaster | undefined;
  try {
    const binaries = await usingDataDir(home, () => prepareBinaries(serverPackage, home, owner));
    const password = await openCluster(placement, binaries, serverPackage.version, log);
    const orphan = await adoptOrphan(placement, binaries.postgres, log);
    postmaster = orphan ?? (await launch(placement, binaries.postgres, log));
    const url = urlOf(password, postmaster.port);
    await ensureDatabase(url);
    return serverOf(postmaster, {
      url,
      dataDir: home,
      adopted: orphan !== null,
      release: lock.release,
      relaunch: (port) => launch(placement, binaries.postgres, log, port),
      log,
    });
  } catch (error) {
    if (postmaster) await stopPostmaster(postmaster, log).catch(() => {});
    await lock.release();
    throw error;
  }
}

interface Started {
  readonly url: string;
  readonly dataDir: string;
  readonly adopted: boolean;
  readonly release: () => Promise<void>;
  readonly relaunch: (port: number) => Promise<Postmaster>;
  readonly log: Log;
}

function serverOf(first: Postmaster, { url, dataDir, adopted, release, relaunch, log }: Started): EmbeddedServer {
  let postmaster = first;
  let starting: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  async function restart(): Promise<void> {
    log(
      'warn',
      `PostgreSQL (process ${postmaster.pid}) ended unexpectedly and is started again; its log is ${join(dataDir, 'postgres.log')}`,
    );
    while (!stopped) {
      try {
        postmaster = await relaunch(postmaster.port);
        return;
      } catch (error) {
        log('warn', `PostgreSQL could not be started again (${(error as Error).message}); it is tried once more`);
        await delay(RESTART_PAUSE_MS, undefined, { ref: false });
      }
    }
  }
  const watch = (): void => {
    void postmaster.gone.then(async () => {
      if (stopped) return;
      starting = restart();
      await starting;
      watch();
    });
  };
  watch();

  async function stop(): Promise<void> {
    // A start under way ends first: what it started is what has to be stopped.
    await starting;
    await stopPostmaster(postmaster, log).finally(release);
  }
  return { url, dataDir, adopted, stop: () => (stopped ??= stop()) };
}

/**
 * Proves that the server answers with our password, and creates the database if the first start did not come that far.
 */
async function ensureDatabase(url: string): Promise<void> {
  try {
    await query(url, 'select 1');
  } catch (error) {
    if ((error as { code?: string }).code !== '3D000')
      throw new EmbeddedServerError(
        `The embedded PostgreSQL server does not answer (${explainDatabaseError(error) ?? (error as Error).message}).`,
        { cause: error },
      );
    const maintenance = new URL(url);
    maintenance.pathname = '/postgres';
    await query(maintenance.href, `create database ${DATABASE}`);
  }
}

async function query(url: string, text: string): Promise<void> {
  const client = new SessionClient({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    session: { applicationName: 'motion-gateway start', statementTimeoutMs: 0 },
  });
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end().catch(() => {});
  }
}
