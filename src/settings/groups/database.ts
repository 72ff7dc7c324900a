/** Settings of the database. */
import { z } from 'zod';
import { always, decimal, integer, nullable, setting } from '../setting.ts';
import { onOrOff, postgresUrl } from '../values.ts';

export const databaseSettings = {
  DATABASE_URL: nullable({
    schema: postgresUrl,
    expected: 'a postgres:// URL',
    default: 'none: the embedded server',
    meaning:
      'A PostgreSQL server, version 15 to 18, with the parameters of libpq (`?sslmode=verify-full`). Missing parts are taken from `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGPASSFILE`, `PGDATABASE` and `PGSSLMODE`; other `PG*` variables are ignored. The embedded server ignores all of them',
  }),
  EMBEDDED_DATABASE: nullable({
    schema: onOrOff,
    expected: '`on` or `off`',
    default: 'on outside production without `DATABASE_URL`',
    meaning: 'Whether the embedded server is used. In production, it must be requested explicitly',
  }),
  DATABASE_POOL_SIZE: integer({
    min: 2,
    max: 200,
    default: 10,
    meaning:
      'Connections for client operations. Submits and callbacks have a second pool of a third of this size, which is opened and warmed up before the gateway listens; health checks and the feed of changes have one connection each. A third of the first pool and all of the second stay open while idle',
  }),
  STATEMENT_TIMEOUT_SECONDS: decimal({
    min: 0.1,
    max: 60,
    default: 3,
    meaning:
      'Time limit for one statement, including waits for locks. After it, an operation is answered with `SERVICE_UNAVAILABLE`, and a callback is retried for `CALLBACK_WAIT_SECONDS`',
  }),
  WARM_UP_SECONDS: decimal({
    min: 0,
    max: 60,
    default: 3,
    meaning:
      'Maximum time that the gateway spends at startup on preparing the connections for callbacks. With 0, the first callbacks prepare them',
  }),
  DATA_DIR: setting({
    schema: z.string(),
    expected: 'a folder',
    default: always('.data'),
    meaning: 'Folder of the embedded server and of the generated key and secret',
  }),
};
