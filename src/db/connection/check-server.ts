/** Checks once at startup whether a PostgreSQL server can serve the gateway. */
import type pg from 'pg';

/** The server cannot be used as it is. The message says why and what to do. */
export class UnsuitableServerError extends Error {
  override readonly name = 'UnsuitableServerError';
}

const OLDEST_VERSION = 150_000;

interface Facts {
  readonly version: number;
  readonly version_name: string;
  readonly encoding: string;
  readonly in_recovery: boolean;
  readonly replication_role: string;
}

/**
 * Throws an `UnsuitableServerError` for a server that is too old, a standby, a database that cannot hold every text, or
 * a session that does not enforce foreign keys.
 */
export async function checkServer(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<Facts>(`
    select current_setting('server_version_num')::int as version, current_setting('server_version') as version_name,
      current_setting('server_encoding') as encoding, pg_is_in_recovery() as in_recovery, current_setting('session_replication_role') as replication_role`);
  const {
    version,
    version_name: versionName,
    encoding,
    in_recovery: inRecovery,
    replication_role: replicationRole,
  } = rows[0]!;
  const refuse = (message: string): never => {
    throw new UnsuitableServerError(message);
  };
  if (version < OLDEST_VERSION)
    refuse(`the server is PostgreSQL ${versionName}, and the gateway requires 15 or later: upgrade the server`);
  if (encoding !== 'UTF8')
    refuse(
      `the encoding of the database is ${encoding}, and the gateway requires UTF8: ` +
        "create the database with ENCODING 'UTF8' TEMPLATE template0",
    );
  if (inRecovery) refuse('the server is a read-only standby: use the primary server');
  if (replicationRole !== 'origin')
    refuse(
      `session_replication_role is ${replicationRole}, which disables foreign keys: reset it for the database and the role`,
    );
}
