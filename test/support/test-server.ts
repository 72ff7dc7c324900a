/** The PostgreSQL server that most tests share: the embedded one, without its durability across a power failure. */
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
 * Each test creates a database and drops it, and both flush every file to disk, which takes more than half of a test's
 * time. The tests do not cover a crash of the operating system; servers that tests kill have their own settings, which
 * are those of the gateway.
 */
const WITHOUT_FLUSHING = ['fsync=off', 'full_page_writes=off'];

/**
 * A connection that a test leaves silent during its handshake blocks each CREATE and DROP DATABASE on the server, by
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

/** Creates a cluster, lets `prepare` fill it, and starts it with the test settings; `stop` removes it. */
export async function startTestServer(prepare: (url: string) => Promise<void>): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'motion-gateway-test-'));
  // If the tests run as root, PostgreSQL runs as another user, which must be able to enter the folder.
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
      // The files are removed next, so a clean shutdown is not needed.
      child.kill('SIGQUIT');
      await gone;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
