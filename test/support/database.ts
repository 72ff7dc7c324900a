/** A separate database for each test, cloned from the migrated template and dropped when the test ends. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { TEMPLATE } from './global-setup.ts';
import { onEnd } from './on-end.ts';

/** Pools by URL. A new connection costs the server ten times as much as a statement. */
const pools = new Map<string, pg.Pool>();

function poolOf(url: string): pg.Pool {
  const known = pools.get(url);
  if (known) return known;
  const pool = new pg.Pool({ connectionString: url, allowExitOnIdle: true });
  // Tests terminate servers and connections; the next statement gets a new connection.
  pool.on('error', () => undefined);
  pools.set(url, pool);
  return pool;
}

/** Runs statements as the server's administrator, outside any gateway. */
export async function asAdministrator<T extends pg.QueryResultRow>(
  text: string,
  url = inject('serverUrl'),
): Promise<T[]> {
  return (await poolOf(url).query<T>(text)).rows;
}

/** Creates a database from the template, by default a migrated one, and returns its URL. */
export async function createDatabase(template = TEMPLATE): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdministrator(`create database ${name} template ${template} strategy file_copy`);
  const url = new URL(inject('serverUrl'));
  url.pathname = name;
  onEnd(async () => {
    await pools.get(url.href)?.end();
    pools.delete(url.href);
    await asAdministrator(`drop database ${name} with (force)`);
  });
  return url.href;
}
