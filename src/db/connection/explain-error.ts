/**
 * Explains database errors to the operator who starts the gateway: PostgreSQL's own message, and what to do. An
 * explanation never contains SQL or a password.
 */
import { UnsuitableServerError } from './check-server.ts';
import { isUnavailable, sqlStateOf } from './unavailable.ts';

/** Advice by SQLSTATE: https://www.postgresql.org/docs/18/errcodes-appendix.html */
const advice: Readonly<Record<string, string>> = {
  '28P01': 'check the user and the password; special characters in a password must be percent-encoded in a URL',
  '28000': 'check the user and its entries in pg_hba.conf of the server',
  '3D000': 'create the database, or use another one',
  '3F000': 'create the schema public, and allow the role to create tables in it',
  '42501':
    'make the role the owner of the database, or grant it CREATE on the database and CREATE and USAGE on the schema public',
  '53300': 'lower DATABASE_POOL_SIZE, or raise max_connections of the server',
  '53100': 'free disk space on the server',
  '57P03': 'start the gateway again when the server accepts connections',
  '57P01': 'start the gateway again when the server accepts connections',
  '25006': 'use the primary server; a standby is read-only',
  '55P03':
    'another gateway is migrating this database, or a session has locked its tables: ' +
    'start the gateway again when that has ended',
  '57014': 'start the gateway again; if it fails again, find out what slows the server down',
  '08P01':
    'a connection pooler or proxy in between does not support the whole protocol: ' +
    'connect to the server directly, or use session pooling',
  '0A000': 'use a PostgreSQL server of version 15 to 18',
  '42P07': 'the schema public contains tables of another program: give the gateway a database of its own',
  '42710': 'the schema public contains objects of another program: give the gateway a database of its own',
};

const NO_HBA_ENTRY = /no pg_hba\.conf entry/;
const UNENCRYPTED = /no encryption|SSL off|SSL connection is required|SSL required|SSL\/TLS required/i;
const BAD_CERTIFICATE =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|ERR_TLS_CERT_ALTNAME_INVALID|ERR_SSL_|ERR_OSSL_)/;

/** Advice for connection errors, which have no SQLSTATE, by the codes and messages of Node and of `pg`. */
const connectionAdvice: readonly (readonly [RegExp, string])[] = [
  [/does not support SSL connections/, 'add sslmode=disable to DATABASE_URL, or unset PGSSLMODE'],
  [/requires SSL to be enabled/, 'add sslmode=verify-full to DATABASE_URL; sslnegotiation=direct requires it'],
  [/client password must be a string|password must be a/i, 'add the password to DATABASE_URL, or set PGPASSWORD'],
  [/timeout expired|timeout exceeded|ETIMEDOUT/, 'check the host, the port and the firewall'],
  [/ENOTFOUND|EAI_AGAIN/, 'check the host'],
  [/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH/, 'check the host and the port, and whether the server is running'],
  [/ENOENT|EACCES/, 'check the path in DATABASE_URL'],
  [
    /Connection terminated|ECONNRESET|EPIPE|unknown (message|authenticationOk)|received invalid response/i,
    'check whether a PostgreSQL server listens there, and whether it requires TLS (sslmode=verify-full)',
  ],
];

interface Cause extends Error {
  readonly code?: unknown;
  readonly errors?: readonly Error[];
}

/** The database cannot be used. The message is for an operator. */
export class DatabaseStartError extends Error {
  override readonly name = 'DatabaseStartError';
}

/**
 * Runs work that only uses the database. An error that has an explanation becomes a `DatabaseStartError`; any other is
 * rethrown unchanged.
 */
export async function explaining<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const explanation = explainDatabaseError(error);
    throw explanation === null ? error : new DatabaseStartError(explanation, { cause: error });
  }
}

/** Returns the explanation in one line, or null if the error does not come from the database. */
export function explainDatabaseError(error: unknown): string | null {
  const cause = innermost(error);
  if (cause instanceof UnsuitableServerError) return cause.message;
  const code = typeof cause.code === 'string' ? cause.code : '';
  const said = oneLine(cause.message || code);
  const state = sqlStateOf(error);
  if (state !== null)
    return withAdvice(
      said,
      UNENCRYPTED.test(said)
        ? 'the server requires TLS: add sslmode=verify-full to DATABASE_URL'
        : stateAdvice(state, said),
    );
  if (BAD_CERTIFICATE.test(code))
    return withAdvice(
      said,
      'specify the certificate authority with sslrootcert=<file> in DATABASE_URL; sslmode=no-verify skips the verification',
    );
  const found = connectionAdvice.find(([pattern]) => pattern.test(`${code} ${said}`));
  if (found) return withAdvice(said, found[1]);
  return isUnavailable(error) ? said : null;
}

const withAdvice = (said: string, what: string | undefined): string => (what === undefined ? said : `${said}: ${what}`);

function stateAdvice(state: string, said: string): string | undefined {
  if (NO_HBA_ENTRY.test(said)) return 'allow this user, database and address in pg_hba.conf of the server';
  if (state === '42501' && /^permission denied for table|must be owner/.test(said))
    return 'the tables belong to another role: connect as that role, or make this role a member of it';
  return advice[state];
}

/**
 * Returns the innermost cause. Drizzle wraps the driver's error in one that shows the statement, and a host name with
 * several addresses fails with one error for each.
 */
function innermost(error: unknown): Cause {
  let cause = error as Cause;
  for (;;) {
    const next = cause.cause instanceof Error ? cause.cause : cause.errors?.at(-1);
    if (!(next instanceof Error)) return cause;
    cause = next;
  }
}

const oneLine = (text: string): string => text.split('\n')[0]!.trim();
