/** Explains why a start has failed, in one line that tells the operator what to do. */
import { DatabaseStartError, explainDatabaseError } from '../db/connection/explain-error.ts';
import { EmbeddedServerError } from '../db/embedded/errors.ts';
import { sqlStateOf } from '../db/connection/unavailable.ts';

interface Where {
  readonly host: string;
  readonly port: number;
  /** False with the embedded server, whose error messages state the location of the data. */
  readonly hasDatabaseUrl: boolean;
}

export function explainFailure(error: unknown, { host, port, hasDatabaseUrl }: Where): string {
  // The message includes the end of PostgreSQL's log, which has several lines.
  if (error instanceof EmbeddedServerError) return error.message;
  const failed = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (failed.syscall === 'listen') {
    if (failed.code === 'EADDRINUSE')
      return (
        `Port ${failed.port} of ${failed.address} is in use: stop the process that listens there, ` +
        'or choose another PORT (the sandbox uses SANDBOX_PORT, by default PORT + 1).'
      );
    return (
      `The gateway cannot listen on HOST ${host} and PORT ${port} (${failed.code}): choose an address ` +
      'of this machine, and a port that this user may open.'
    );
  }
  if (failed.syscall === 'getaddrinfo' && (failed as { hostname?: string }).hostname === host)
    return `HOST ${host} cannot be resolved (${failed.code}): choose an address of this machine, for example 127.0.0.1 or 0.0.0.0.`;
  const database =
    error instanceof DatabaseStartError
      ? error.message
      : sqlStateOf(error) === null
        ? null
        : explainDatabaseError(error);
  if (database !== null)
    return `${hasDatabaseUrl ? 'DATABASE_URL: the database' : 'The embedded database'} cannot be used (${database}).`;
  return failed.message.split('\n')[0]!;
}
