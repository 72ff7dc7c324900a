/**
 * The one family of errors that a client may see. Each has a stable `code`. Whatever answers a client passes on the code,
 * the message and what is said about repeating, and nothing else. All other errors are faults of the program: clients see
 * "Internal error", and the log has the rest.
 */

export type ErrorCode =
  | 'ACCOUNT_DISABLED'
  | 'AUTHORIZATION_MALFORMED'
  | 'BAD_USER_INPUT'
  | 'CURSOR_INVALID'
  | 'FORBIDDEN'
  | 'INVALID_TOKEN'
  | 'NOT_FOUND'
  | 'RATE_LIMITED'
  | 'SERVICE_UNAVAILABLE'
  | 'TASK_TAKEN'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_REVOKED'
  | 'UNAUTHENTICATED';

interface ErrorDetails extends ErrorOptions {
  /** When the request may be repeated. It says that nothing was executed. */
  readonly retryAfterSeconds?: number;
  /** What was asked for may have been done all the same. */
  readonly mayHaveCommitted?: boolean;
}

export class GatewayError extends Error {
  override readonly name: string = 'GatewayError';
  readonly retryAfterSeconds: number | null;
  readonly mayHaveCommitted: boolean;

  constructor(
    readonly code: ErrorCode,
    message: string,
    { retryAfterSeconds, mayHaveCommitted = false, ...options }: ErrorDetails = {},
  ) {
    super(message, options);
    this.retryAfterSeconds = retryAfterSeconds ?? null;
    this.mayHaveCommitted = mayHaveCommitted;
  }
}

/** An argument that breaks a rule of its own, such as a page size. */
export class InvalidArgumentError extends GatewayError {
  override readonly name = 'InvalidArgumentError';

  constructor(message: string) {
    super('BAD_USER_INPUT', message);
  }
}

/**
 * The database cannot answer now. Nothing is known to be wrong with the request; `mayHaveCommitted` when the connection
 * broke during a commit.
 */
export class UnavailableError extends GatewayError {
  override readonly name = 'UnavailableError';

  constructor(cause: unknown, mayHaveCommitted = false) {
    super('SERVICE_UNAVAILABLE', 'The service is not available at the moment. Please try again.', {
      cause,
      mayHaveCommitted,
    });
  }
}
