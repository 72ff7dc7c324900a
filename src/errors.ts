/**
 * The one family of errors that a client may see. Each has a stable `code`. Responses to clients contain the code, the
 * message and the information about retries, and nothing else. All other errors are faults of the program: clients see
 * "Internal error", and the log contains the rest.
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
  | 'TOKEN_EXPIRED'
  | 'TOKEN_REVOKED'
  | 'UNAUTHENTICATED';

interface ErrorDetails extends ErrorOptions {
  /** Delay after which the request may be retried. Its presence means that nothing was executed. */
  readonly retryAfterSeconds?: number;
  /** The request may have been executed despite the error. */
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

/** An argument that violates its own constraints, such as a page size that is out of range. */
export class InvalidArgumentError extends GatewayError {
  override readonly name = 'InvalidArgumentError';

  constructor(message: string) {
    super('BAD_USER_INPUT', message);
  }
}

/**
 * The database is currently unavailable. Nothing is known to be wrong with the request. `mayHaveCommitted` is true if
 * the connection broke during a commit.
 */
export class UnavailableError extends GatewayError {
  override readonly name = 'UnavailableError';

  constructor(cause: unknown, mayHaveCommitted = false) {
    super('SERVICE_UNAVAILABLE', 'The service is temporarily unavailable. Please try again.', {
      cause,
      mayHaveCommitted,
    });
  }
}
