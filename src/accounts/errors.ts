/** Errors of accounts, keys and limits. */
import { GatewayError, type ErrorCode } from '../errors.ts';

/**
 * The reason why a credential is rejected. `malformed` is a value that is not `Bearer <key>`; `unknown` is a value that
 * was never a credential here.
 */
export type WhyRefused = 'missing' | 'malformed' | 'unknown' | 'expired' | 'revoked' | 'disabled';

/**
 * Codes and messages of the reasons. Each message, with its code, fits into the close reason of a WebSocket, which has
 * at most 123 bytes.
 */
const refusals: Readonly<Record<WhyRefused, { readonly code: ErrorCode; readonly message: string }>> = {
  missing: { code: 'UNAUTHENTICATED', message: 'An API key is required: send it as "Authorization: Bearer <key>".' },
  malformed: {
    code: 'AUTHORIZATION_MALFORMED',
    message: 'authorization must be "Bearer <key>": the word Bearer, a space, and the key.',
  },
  unknown: {
    code: 'INVALID_TOKEN',
    message: 'The API key or client token is unknown; check that it is complete.',
  },
  expired: { code: 'TOKEN_EXPIRED', message: 'The API key or client token has expired; use a new one.' },
  revoked: { code: 'TOKEN_REVOKED', message: 'The API key or client token was revoked; use another one.' },
  disabled: {
    code: 'ACCOUNT_DISABLED',
    message: 'The account of this key is disabled; ask the administrator of the gateway.',
  },
};

/** The operation requires a credential, and it is missing or was rejected. */
export class UnauthenticatedError extends GatewayError {
  override readonly name = 'UnauthenticatedError';

  constructor(readonly why: WhyRefused = 'missing') {
    super(refusals[why].code, refusals[why].message);
  }
}

/** The credential is valid but does not permit the operation. */
export class ForbiddenError extends GatewayError {
  override readonly name = 'ForbiddenError';

  constructor(message: string) {
    super('FORBIDDEN', message);
  }
}

/** A rate limit is exceeded. */
export class RateLimitedError extends GatewayError {
  override readonly name = 'RateLimitedError';

  constructor(message: string, retryAfterSeconds: number) {
    super('RATE_LIMITED', message, { retryAfterSeconds });
  }
}
