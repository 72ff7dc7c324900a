/** `motion-gateway migrate`: migrates the database as a gateway does when it starts, without starting a gateway. */
import { DataDirInUseError } from '../db/embedded/errors.ts';
import { startEmbeddedServer } from '../db/embedded/server.ts';
import { migrateDatabase } from '../db/migrate.ts';
import { explainFailure } from '../compose/explain-failure.ts';
import { CommandError, print, type Command } from './command.ts';
import { readDatabaseSettings } from './database.ts';

const HELP = `Usage: motion-gateway migrate

Brings the database of DATABASE_URL, or the embedded one of DATA_DIR, to this version and verifies what is applied. A gateway does the
same when it starts.`;

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
        throw new CommandError(`${error.message} A gateway that runs has migrated its database already.`);
      throw new CommandError(
        explainFailure(error, { host: config.HOST, port: config.PORT, hasDatabaseUrl: config.DATABASE_URL !== null }),
      );
    }
    print(input, { migrated: true }, ['The database is up to date.']);
    return 0;
  },
};
