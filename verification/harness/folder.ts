/** A run's own folder, and the one in it for PostgreSQL. */
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function createFolder(): { readonly folder: string; readonly databaseFolder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'verification-'));
  const databaseFolder = join(folder, 'database');
  // For root: PostgreSQL runs as another user, who must be able to enter.
  chmodSync(folder, 0o755);
  mkdirSync(databaseFolder, { mode: 0o755 });
  return { folder, databaseFolder };
}
