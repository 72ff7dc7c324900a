/** Creates the folder of a run, and in it the folder of PostgreSQL. */
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function createFolder(): { readonly folder: string; readonly databaseFolder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'verification-'));
  const databaseFolder = join(folder, 'database');
  // If the run was started by root, PostgreSQL runs as another user, which must be able to enter the folder.
  chmodSync(folder, 0o755);
  mkdirSync(databaseFolder, { mode: 0o755 });
  return { folder, databaseFolder };
}
