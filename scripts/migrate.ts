/** Migrates the database of DATABASE_URL, or the embedded one of DATA_DIR, and verifies what is applied. The gateway does the same when it starts. */
import { loadConfig } from '../src/config.ts';
import { startEmbeddedServer } from '../src/db/embedded/server.ts';
import { migrateDatabase } from '../src/db/migrate.ts';

// The key and the secret do not matter here.
const config = loadConfig({ API_KEY: 'not-used-not-used', APP_SECRET: 'not-used'.repeat(4), ...process.env });
const embedded = config.DATABASE_URL ? null : await startEmbeddedServer({ dataDir: config.DATA_DIR, log: (_level, message) => console.log(message) });
try {
  await migrateDatabase(config.DATABASE_URL ?? embedded!.url);
  console.log('The database is up to date.');
} finally {
  await embedded?.stop();
}
