/**
 * `npm run prove:readers`: 200 readers that stop reading beside 2,000 healthy ones on one gateway. Prints one line of JSON with the figures;
 * ends with 1 when a stalled reader is not closed with 1013 within 30 s, or the healthy ones feel more of it than they may. About a minute.
 * It wants an idle machine with 2 cores; on a busy one, `-- 0.25` takes a quarter of the readers.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedServer } from '../src/db/embedded/server.ts';
import { runReaders, violationsOf, type ReaderPlan } from './reader-run.ts';

const share = Number(process.argv[2] ?? 1);

const plan: ReaderPlan = {
  healthy: 2_000 * share,
  stalled: 200 * share,
  healthyJobs: { count: 20, changesPerSecond: 10 },
  // 225 kB for each of them 1.6 times a second: the kernel's 4 MB are full after 12 s, half the time until the second ping.
  stalledJobs: { count: 10, changesPerSecond: 16 },
  normalSeconds: 15,
  limitSeconds: 30,
  noiseMs: 0,
  settings: {},
};

const dataDir = await mkdtemp(join(tmpdir(), 'motion-gateway-readers-'));
// For root: PostgreSQL runs as another user, who must be able to enter.
await chmod(dataDir, 0o755);
const server = await startEmbeddedServer({ dataDir, log: () => undefined });
try {
  const figures = await runReaders(server.url, dataDir, plan);
  const violations = violationsOf(figures, plan);
  console.log(JSON.stringify({ proof: 'readers', healthy: plan.healthy, stalled: plan.stalled, ...figures, violations }));
  process.exitCode = violations.length > 0 ? 1 : 0;
} finally {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}
