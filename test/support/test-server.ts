/** The PostgreSQL server that most tests share: the embedded one, without its promise to survive a power cut. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getServerPackage, prepareBinaries } from '../../src/db/embedded/binaries.ts';
import { DATABASE, SERVER_ENV, serverArguments } from '../../src/db/embedded/cluster.ts';
import { clusterOf, placeData } from '../../src/db/embedded/placement.ts';
import { untilReady } from '../../src/db/embedded/postmaster.ts';
import { startEmbeddedServer } from '../../src/db/embedded/server.ts';
import { findFreePort } from '../../verification/harness/free-port.ts';

/**
 * Each test makes a database and drops it, and both flush every file to the disk: more than half of a test's time. What
 * a crash of the operating system would cost is not tested here; servers that are killed have settings of their own,
 * which are the gateway's.
 */
const WITHOUT_FLUSHING = ['fsync=off', 'full_page_writes=off'];

/**
 * A connection that a test keeps silent during its handshake holds up each CREATE and DROP DATABASE on the server, by
 * default for a minute.
 */
const IMPATIENT = ['authentication_timeout=10s'];

const TEST_SETTINGS = [...WITHOUT_FLUSHING, ...IMPATIENT].flatMap((setting) => ['-c', setting]);

const READY_LIMIT_MS = 60_000;

export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

const silent = (): void => undefined;

/** Makes a cluster, lets `prepare` fill it, and starts it with fewer promises; `stop` removes it. */
export async function startTestServer(prepare: (url: string) => Promise<void>): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'motion-gateway-test-'));
  // For root: PostgreSQL runs as another user, who must be able to enter.
  await chmod(dataDir, 0o755);
  const first = await startEmbeddedServer({ dataDir, log: silent });
  await prepare(first.url).finally(() => first.stop());

  const { home, owner } = await placeData(dataDir, silent);
  const { postgres } = await prepareBinaries(await getServerPackage(), home, owner);
  const [cluster, port] = [clusterOf(home), await findFreePort()];
  const child = spawn(postgres, [...serverArguments(cluster, port), ...TEST_SETTINGS], {
    stdio: 'ignore',
    cwd: home,
    env: SERVER_ENV,
    ...owner,
  });
  const gone = once(child, 'exit').then(() => undefined);
  if (child.pid === undefined || !(await untilReady(cluster, { pid: child.pid, port, gone }, READY_LIMIT_MS)))
    throw new Error('the server of the tests did not start');
  const url = new URL(first.url);
  url.port = String(port);
  url.pathname = DATABASE;
  return {
    url: url.href,
    async stop() {
      // Its files are removed: there is nothing to shut down in good order.
      child.kill('SIGQUIT');
      await gone;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
