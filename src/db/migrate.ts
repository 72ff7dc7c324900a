/**
 * Applies `migrations/` under an advisory lock, so that several instances may start at the same time, and verifies the
 * applied migrations. Drizzle's own migrator takes no lock, and silently skips an entry that was added out of order.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator';
import type pg from 'pg';
import { projectRoot } from '../project-root.ts';
import { checkServer } from './connection/check-server.ts';
import { explaining } from './connection/explain-error.ts';
import { SessionClient } from './connection/session.ts';

const MIGRATIONS_FOLDER = fileURLToPath(new URL('migrations', projectRoot));

/** An arbitrary number that is the same for all instances: "motion" in ASCII. */
const LOCK_KEY = '120281717304174';
const LOCK_TIMEOUT_MS = 60_000;

/** The database does not match this version of the gateway. */
class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/**
 * Migrates the database to this version. Throws a `MigrationError` if the applied migrations are not those of this
 * version, and a `DatabaseStartError` if the database cannot be used.
 */
export const migrateDatabase = (url: string, folder: string = MIGRATIONS_FOLDER): Promise<void> =>
  explaining(() => migrate(url, folder));

async function migrate(url: string, folder: string): Promise<void> {
  const session = { applicationName: 'motion-gateway migrate', statementTimeoutMs: 0, lockTimeoutMs: LOCK_TIMEOUT_MS };
  const client = new SessionClient({ connectionString: url, connectionTimeoutMillis: 5_000, session });
  await client.connect();
  try {
    await checkServer(client);
    await client.query('select pg_advisory_lock($1)', [LOCK_KEY]);
    await applyMigrations(drizzle(client), { migrationsFolder: folder });
    await verify(client, folder);
  } finally {
    await client.end(); // releases the lock
  }
}

async function verify(client: pg.Client, folder: string): Promise<void> {
  const journal = JSON.parse(readFileSync(`${folder}/meta/_journal.json`, 'utf8')) as { entries: { tag: string }[] };
  const { rows } = await client.query<{ hash: string }>('select hash from drizzle.__drizzle_migrations');
  const applied = new Set(rows.map(({ hash }) => hash));
  const known = new Map(
    journal.entries.map(({ tag }) => [
      createHash('sha256')
        .update(readFileSync(`${folder}/${tag}.sql`))
        .digest('hex'),
      tag,
    ]),
  );
  const missing = [...known].filter(([hash]) => !applied.has(hash)).map(([, tag]) => tag);
  const unknown = [...applied].filter((hash) => !known.has(hash));
  if (missing.length > 0) {
    throw new MigrationError(
      `migration ${missing.join(', ')} is not applied in its current form: it was changed, or added out of order`,
    );
  }
  if (unknown.length > 0) {
    throw new MigrationError(
      `the database has ${unknown.length} migration(s) that this version does not know: it belongs to another version of the gateway`,
    );
  }
}
