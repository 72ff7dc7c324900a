/**
 * An embedded PostgreSQL server, one per data directory, which needs no installation. The server survives a crash of
 * the gateway, and the gateway survives a crash of the server.
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
   * The `postgres://` URL of the database `gateway`, with the password of a superuser. The port differs from start to
   * start. It stays the same when the server dies, because the server is restarted on it within seconds.
   */
  readonly url: string;
  /** The actual location of the data, which for root may differ from the requested one. */
  readonly dataDir: string;
  /** True if the server was already running, left by a gateway that was killed. */
  readonly adopted: boolean;
  /** Disconnects all clients, loses nothing, and takes at most 30 s. Idempotent. */
  stop(): Promise<void>;
}

const RESTART_PAUSE_MS = 1_000;

/**
 * Starts the server of a data directory, or adopts the one that a killed gateway left running. Creates the cluster on
 * the first start, which takes about 1 s; later starts take 0.1 s. The server neither keeps this process alive nor ends
 * with it: without `stop()` it keeps running, and the next start adopts it.
 *
 * Throws `DataDirInUseError` if another process works on the data, and `DataDirError` if the directory cannot be used.
 * Throws their base class `EmbeddedServerError` if there is no server for this platform or it does not start.
 */
export async function startEmbeddedServer({ dataDir, log }: { dataDir: string; log: Log }): Promise<EmbeddedServer> {
  const serverPackage = await getServerPackage();
  const placement = await placeData(dataDir, log);
  const { home, owner } = placement;
  // Takes the lock before looking for a server: a server on locked data belongs to a running gateway.
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
      `PostgreSQL (process ${postmaster.pid}) ended unexpectedly and is being restarted; its log is ${join(dataDir, 'postgres.log')}`,
    );
    while (!stopped) {
      try {
        postmaster = await relaunch(postmaster.port);
        return;
      } catch (error) {
        log('warn', `PostgreSQL could not be restarted (${(error as Error).message}); retrying`);
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
    // Waits for a restart in progress, because its server is the one to stop.
    await starting;
    await stopPostmaster(postmaster, log).finally(release);
  }
  return { url, dataDir, adopted, stop: () => (stopped ??= stop()) };
}

/** Verifies that the server accepts our password, and creates the database if the first start did not get that far. */
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
