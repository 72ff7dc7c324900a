/** The gate from a shell, beside a gateway that runs: `status` says whether it is shut and why, `resume` opens it for all instances. */
import { loadConfig } from '../src/config.ts';
import { closePool, createConnections } from '../src/db/client.ts';
import { findRunningServer } from '../src/db/embedded/running.ts';
import { createJobStore } from '../src/db/store.ts';

const [command] = process.argv.slice(2);
if (command !== 'status' && command !== 'resume') {
  console.error('Usage: npm run gate -- status | resume');
  process.exit(2);
}
// The key and the secret do not matter here.
const config = loadConfig({ API_KEY: 'not-used-not-used', APP_SECRET: 'not-used'.repeat(4), ...process.env });
const url = config.DATABASE_URL ?? (await findRunningServer(config.DATA_DIR));
if (url === null) {
  console.error(`No gateway runs on ${config.DATA_DIR}: start it, or set DATA_DIR or DATABASE_URL as it has them.`);
  process.exit(1);
}
const connections = createConnections(url, 2, (error) => console.error(error.message));
const store = createJobStore(connections);
try {
  if (command === 'resume') await store.transaction((tx) => store.resumeGate(tx, config.UPSTREAM_ID));
  const gate = await store.findGate(config.UPSTREAM_ID);
  if (gate?.reason == null) console.log(`The gate of ${config.UPSTREAM_ID} is open.`);
  else if (gate.pausedForMs > 0) console.log(`The gate of ${config.UPSTREAM_ID} is shut for ${Math.ceil(gate.pausedForMs / 1_000)} s: ${gate.reason}. Then ${gate.probe === 'LOOK_UP' ? 'a look-up' : 'one job'} probes it.`);
  else console.log(`The gate of ${config.UPSTREAM_ID} is being probed: ${gate.reason}.`);
} finally {
  await closePool(connections);
}
