import { appendFile, cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import { expect, inject, onTestFinished, test } from 'vitest';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { createFolder } from '../support/folder.ts';

const migrations = fileURLToPath(new URL('../../migrations', import.meta.url));

async function createEmpty(): Promise<string> {
  const name = `empty_${randomBytes(6).toString('hex')}`;
  await asAdministrator(`create database ${name}`);
  onTestFinished(async () => void (await asAdministrator(`drop database ${name} with (force)`)));
  const url = new URL(inject('serverUrl'));
  url.pathname = name;
  return url.href;
}

test('twenty instances that start at once on an empty database migrate it once', async () => {
  const url = await createEmpty();
  await Promise.all(Array.from({ length: 20 }, () => migrateDatabase(url)));
  const applied = await asAdministrator('select 1 from drizzle.__drizzle_migrations', url);
  expect(applied).toHaveLength((await readdir(migrations)).filter((file) => file.endsWith('.sql')).length);
});

test('a migration that was changed after it was applied is rejected', async () => {
  const folder = await createFolder();
  await cp(migrations, folder, { recursive: true });
  await appendFile(`${folder}/0000_jobs.sql`, '\n-- changed');
  await expect(migrateDatabase(await createDatabase(), folder)).rejects.toThrow(
    'migration 0000_jobs is not applied in its current form',
  );
});

test('a database of a later version is rejected', async () => {
  const url = await createDatabase();
  await asAdministrator(`insert into drizzle.__drizzle_migrations (hash, created_at) values ('unknown', 1)`, url);
  await expect(migrateDatabase(url)).rejects.toThrow('belongs to another version of the gateway');
});

test('balances from before the columns for used and reserved quota were merged are kept', async () => {
  const url = await createEmpty();
  const folder = await createFolder();
  await cp(migrations, folder, { recursive: true });
  const journal = JSON.parse(await readFile(`${folder}/meta/_journal.json`, 'utf8')) as { entries: { tag: string }[] };
  const before = { ...journal, entries: journal.entries.filter(({ tag }) => tag < '0006') };
  await writeFile(`${folder}/meta/_journal.json`, JSON.stringify(before));
  await migrateDatabase(url, folder);
  await asAdministrator(
    `insert into accounts (id, name, status, quota_limit, quota_used, quota_reserved) values ('acme', 'Acme', 'ACTIVE', 10, 3, 2)`,
    url,
  );
  await migrateDatabase(url);
  expect(await asAdministrator(`select quota_limit, quota_taken from accounts where id = 'acme'`, url)).toEqual([
    { quota_limit: 10, quota_taken: 5 },
  ]);
});
