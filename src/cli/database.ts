/** Connects commands to the database, beside a running gateway. */
import type { Config } from '../config.ts';
import { closePool, createConnections, type Connections } from '../db/connection/client.ts';
import { findRunningServer } from '../db/embedded/running.ts';
import { explainDatabaseError } from '../db/connection/explain-error.ts';
import { CommandError } from './command.ts';
import { readEnvironment } from './environment.ts';

/** Placeholders: commands that only use the database need neither the key nor the secret. */
const NOT_NEEDED = { API_KEY: 'not-used-not-used', APP_SECRET: 'not-used'.repeat(4) };

export function readDatabaseSettings(): Config {
  const { config, warnings } = readEnvironment(NOT_NEEDED);
  for (const warning of warnings) console.error(warning);
  return config;
}

export async function withDatabase<T>(config: Config, work: (connections: Connections) => Promise<T>): Promise<T> {
  const url = config.DATABASE_URL ?? (await findRunningServer(config.DATA_DIR));
  if (url === null)
    throw new CommandError(
      `No gateway is running on ${config.DATA_DIR}: start it, ` +
        'or set DATA_DIR or DATABASE_URL to the values that the gateway uses.',
    );
  const connections = createConnections(url, 2, (error) => console.error(error.message));
  try {
    // Checks the connection first, so that a database error is reported once and with an explanation.
    await connections.pool.query('select 1').catch((error: unknown) => {
      throw new CommandError(
        `${config.DATABASE_URL ? 'DATABASE_URL: the' : 'The embedded'} database cannot be used (${explainDatabaseError(error) ?? (error as Error).message}).`,
      );
    });
    return await work(connections);
  } finally {
    await closePool(connections);
  }
}
