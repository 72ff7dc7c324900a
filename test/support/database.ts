/** A database of the test's own, cloned from the migrated template and dropped when the test ends. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { TEMPLATE } from './global-setup.ts';

/** Runs statements as the server's administrator, outside any gateway. */
export async function asAdministrator<T extends pg.QueryResultRow>(text: string, url = inject('serverUrl')): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Returns the URL of a fresh, migrated database. */
export async function createDatabase(template = TEMPLATE): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdministrator(`create database ${name} template ${template} strategy file_copy`);
  onTestFinished(async () => void (await asAdministrator(`drop database ${name} with (force)`)));
  const url = new URL(inject('serverUrl'));
  url.pathname = name;
  return url.href;
}
