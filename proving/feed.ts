/** `npm run prove:feed`: the proof of the account feed at its full size, on a PostgreSQL server of its own. Prints its figures as one line of JSON; exits with 1 when a change was missed or came late. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedServer } from '../src/db/embedded/server.ts';
import { migrateDatabase } from '../src/db/migrate.ts';
import { proveFeed } from './feed-proof.ts';

const MAX_LAG_MS = 1_000;

const { values } = parseArgs({ options: { changes: { type: 'string', default: '100000' } } });
const dataDir = await mkdtemp(join(tmpdir(), 'motion-gateway-prove-'));
// For root: PostgreSQL runs as another user, who must be able to enter.
await chmod(dataDir, 0o755);
const server = await startEmbeddedServer({ dataDir, log: () => undefined });
try {
  await migrateDatabase(server.url);
  const figures = await proveFeed(server.url, Number(values.changes));
  const holds = figures.missed === 0 && figures.lagMaxMs <= MAX_LAG_MS;
  console.log(JSON.stringify({ holds, ...figures }));
  process.exitCode = holds ? 0 : 1;
} finally {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}
