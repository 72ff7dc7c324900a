/** `motion-gateway migrate`: migrates the database as a gateway does when it starts, without starting a gateway. */
import { DataDirInUseError } from '../db/embedded/errors.ts';
import { startEmbeddedServer } from '../db/embedded/server.ts';
import { migrateDatabase } from '../db/migrate.ts';
import { explainFailure } from '../compose/explain-failure.ts';
import { CommandError, print, type Command } from './command.ts';
import { readDatabaseSettings } from './database.ts';

const HELP = `Usage: motion-gateway migrate

Migrates the database of DATABASE_URL, or the embedded database in DATA_DIR, to this version and verifies the applied
migrations. A gateway does the same when it starts.`;

export const migrate: Command = {
  help: HELP,
  options: [],
  async run(input) {
    if (input.positionals.length > 0) throw new CommandError(HELP, 2);
    const config = readDatabaseSettings();
    try {
      const embedded = config.DATABASE_URL
        ? null
        : await startEmbeddedServer({ dataDir: config.DATA_DIR, log: (_level, message) => console.error(message) });
      await migrateDatabase(config.DATABASE_URL ?? embedded!.url).finally(() => embedded?.stop());
    } catch (error) {
      if (error instanceof DataDirInUseError)
        throw new CommandError(`${error.message} A running gateway has already migrated its database.`);
      throw new CommandError(
        explainFailure(error, { host: config.HOST, port: config.PORT, hasDatabaseUrl: config.DATABASE_URL !== null }),
      );
    }
    print(input, { migrated: true }, ['The database is up to date.']);
    return 0;
  },
};
