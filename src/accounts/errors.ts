/** Errors of this core, with a stable `code` for the client. */

export class AccessError extends Error {
  override readonly name: string = 'AccessError';

  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** There is no credential, and this needs one. */
export class UnauthenticatedError extends AccessError {
  override readonly name = 'UnauthenticatedError';

  constructor() {
    super('UNAUTHENTICATED', 'An API key is needed: send it as "Authorization: Bearer <key>".');
  }
}

/** The credential is good, but not for this. */
export class ForbiddenError extends AccessError {
  override readonly name = 'ForbiddenError';

  constructor(message: string) {
    super('FORBIDDEN', message);
  }
}

/** An argument that breaks a rule of its own, such as a page size. */
export class BadAccountArgumentError extends AccessError {
  override readonly name = 'BadAccountArgumentError';

  constructor(message: string) {
    super('BAD_USER_INPUT', message);
  }
}

/** Too much in too short a time. */
export class RateLimitedError extends AccessError {
  override readonly name = 'RateLimitedError';

  constructor(message: string, readonly retryAfterSeconds: number) {
    super('RATE_LIMITED', message);
  }
}
