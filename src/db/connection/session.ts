/**
 * Opens every connection of the gateway. Everything that the SQL and the decoders of this folder rely on is set on each
 * connection before its first use. Settings of the database, of the role and of the environment (`ALTER DATABASE ...
 * SET`, `ALTER ROLE ... SET`, `PGOPTIONS`) therefore have no effect. This takes one round trip per connection and none
 * per query. The settings are statements rather than startup parameters, because connection poolers such as PgBouncer
 * reject startup parameters that they do not know.
 */
import pg from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';

interface SessionLimits {
  readonly applicationName: string;
  /** The time limit for a statement, measured by the server; 0 is no limit. */
  readonly statementTimeoutMs: number;
  /** The time limit for a statement's wait for a lock; 0 is no limit. */
  readonly lockTimeoutMs?: number;
  readonly idleInTransactionTimeoutMs?: number;
  /** False for a session that writes nothing that could be lost. */
  readonly durable?: boolean;
}

export interface SessionConfig extends pg.ClientConfig {
  readonly connectionString: string;
  readonly session: SessionLimits;
}

/** A setting that older servers do not know. */
const TRANSACTION_TIMEOUT = { since: 17, statement: 'set transaction_timeout = 0;' };

/**
 * Returns the statements that set up a session. The timeouts come first, because those of the database could end the
 * statements that follow.
 */
const statements = ({
  statementTimeoutMs,
  lockTimeoutMs = 0,
  idleInTransactionTimeoutMs = 0,
  durable = true,
}: SessionLimits): string => `
  set statement_timeout = ${statementTimeoutMs};
  set lock_timeout = ${lockTimeoutMs};
  set idle_in_transaction_session_timeout = ${idleInTransactionTimeoutMs};
  set idle_session_timeout = 0;
  set client_encoding = 'UTF8';
  set datestyle = 'ISO, MDY';
  set intervalstyle = 'postgres';
  set timezone = 'UTC';
  set bytea_output = 'hex';
  set extra_float_digits = 1;
  set standard_conforming_strings = on;
  set array_nulls = on;
  set transform_null_equals = off;
  set quote_all_identifiers = off;
  set search_path = public;
  set exit_on_error = off;
  set row_security = on;
  set default_transaction_isolation = 'read committed';
  set default_transaction_read_only = off;
  set default_transaction_deferrable = off;
  ${durable ? `select pg_catalog.set_config('synchronous_commit', 'on', false) where pg_catalog.current_setting('synchronous_commit') = 'off'` : 'set synchronous_commit = off'}`;

/** SQLSTATE of a statement that a `statement_timeout` of the database or the role ended before ours was in effect. */
const CANCELED = '57014';
const MAX_TRIES = 5;

type Done = (error: Error | null, client: SessionClient) => void;

/** A client that counts as connected once its session settings are in effect. */
export class SessionClient extends pg.Client {
  readonly #statements: string;
  #majorVersion = 0;

  constructor(config: SessionConfig) {
    const { connectionString, session, ...rest } = config;
    // The timeouts override the URL and the environment. `sslnegotiation` overrides only the environment.
    const url = parseIntoClientConfig(connectionString) as pg.ClientConfig & Record<string, unknown>;
    super({
      ...url,
      ...rest,
      query_timeout: rest.query_timeout,
      sslnegotiation: url.sslnegotiation ?? 'postgres',
      application_name: session.applicationName,
    });
    withoutEnvironment(this, url);
    this.#statements = statements(session);
    // A pending statement reports a lost connection by its own rejection. Without any listener, the event would end the
    // process.
    this.on('error', () => undefined);
    this.connection.on(
      'parameterStatus',
      ({ parameterName, parameterValue }: { parameterName: string; parameterValue: string }) => {
        if (parameterName === 'server_version') this.#majorVersion = Number.parseInt(parameterValue, 10);
      },
    );
  }

  override connect(): Promise<this>;
  override connect(callback: Done): void;
  override connect(callback?: Done): Promise<this> | void {
    if (!callback)
      return new Promise((resolve, reject) => this.connect((error) => (error ? reject(error) : resolve(this))));
    super.connect((error: Error | null) => {
      if (!error) return this.#prepare(callback, MAX_TRIES);
      // `pg` leaves the connection open. The server would wait for the rest of the handshake, and CREATE and DROP
      // DATABASE would wait for the server.
      this.discard();
      callback(error, this);
    });
  }

  /** Closes without waiting, because a connection that was lost silently would never answer a regular close. */
  discard(): void {
    this.end().catch(() => undefined);
    this.connection.stream.destroy();
  }

  #prepare(callback: Done, triesLeft: number): void {
    const first = this.#majorVersion >= TRANSACTION_TIMEOUT.since ? TRANSACTION_TIMEOUT.statement : '';
    void this.query(first + this.#statements).then(
      () => callback(null, this),
      (error: Error) => {
        if (triesLeft > 1 && (error as { code?: unknown }).code === CANCELED)
          return this.#prepare(callback, triesLeft - 1);
        this.end().catch(() => undefined);
        callback(error, this);
      },
    );
  }
}

interface Parameters {
  options: string | undefined;
  replication: string | undefined;
  statement_timeout: undefined;
  lock_timeout: undefined;
  idle_in_transaction_session_timeout: undefined;
}

/**
 * Discards settings of the session that `pg` takes from the environment. As with PostgreSQL's own programs, the
 * environment may determine where and as whom to connect (`PGHOST`, `PGUSER`, `PGPASSWORD`, `PGSSLMODE`, ...). It may
 * not determine how the session behaves.
 */
function withoutEnvironment(client: pg.Client, url: pg.ClientConfig): void {
  const { connectionParameters } = client as unknown as { readonly connectionParameters: Parameters };
  connectionParameters.options = url.options || undefined;
  connectionParameters.replication = undefined;
  connectionParameters.statement_timeout = undefined;
  connectionParameters.lock_timeout = undefined;
  connectionParameters.idle_in_transaction_session_timeout = undefined;
}
