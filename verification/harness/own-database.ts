/** Provides a migrated database on its own server, for proofs that need no other part of the harness. */
import { rmSync } from 'node:fs';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { startDatabase, type HarnessDatabase } from './database.ts';
import { createFolder } from './folder.ts';

/** Runs `work` with a new database. Stops the server and removes the folder when `work` has ended. */
export async function withDatabase<T>(work: (database: HarnessDatabase, folder: string) => Promise<T>): Promise<T> {
  const { folder, databaseFolder } = createFolder();
  try {
    const database = await startDatabase(databaseFolder, () => undefined);
    try {
      await migrateDatabase(database.url);
      return await work(database, folder);
    } finally {
      await database.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
