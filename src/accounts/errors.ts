/** Errors of accounts, keys and limits. */
import { GatewayError, type ErrorCode } from '../errors.ts';

/**
 * Why a credential is rejected. `malformed` is a value that is not `Bearer <key>`; `unknown` is whatever never was a
 * credential here.
 */
export type WhyRefused = 'missing' | 'malformed' | 'unknown' | 'expired' | 'revoked' | 'disabled';

/** With its code each message fits into the reason of a socket's close, which has at most 123 bytes. */
const refusals: Readonly<Record<WhyRefused, { readonly code: ErrorCode; readonly message: string }>> = {
  missing: { code: 'UNAUTHENTICATED', message: 'An API key is needed: send it as "Authorization: Bearer <key>".' },
  malformed: {
    code: 'AUTHORIZATION_MALFORMED',
    message: 'authorization must be "Bearer <key>": the word Bearer, a space, and the key.',
  },
  unknown: {
    code: 'INVALID_TOKEN',
    message: 'The API key or client token is not known here; check that it is complete.',
  },
  expired: { code: 'TOKEN_EXPIRED', message: 'The API key or client token has expired; use a new one.' },
  revoked: { code: 'TOKEN_REVOKED', message: 'The API key or client token was revoked; use another one.' },
  disabled: {
    code: 'ACCOUNT_DISABLED',
    message: 'The account of this key is disabled; ask the administrator of the gateway.',
  },
};

/** There is no credential, or none that opens anything, and this needs one. */
export class UnauthenticatedError extends GatewayError {
  override readonly name = 'UnauthenticatedError';

  constructor(readonly why: WhyRefused = 'missing') {
    super(refusals[why].code, refusals[why].message);
  }
}

/** The credential is good, but not for this. */
export class ForbiddenError extends GatewayError {
  override readonly name = 'ForbiddenError';

  constructor(message: string) {
    super('FORBIDDEN', message);
  }
}

/** Too much in too short a time. */
export class RateLimitedError extends GatewayError {
  override readonly name = 'RateLimitedError';

  constructor(message: string, retryAfterSeconds: number) {
    super('RATE_LIMITED', message, { retryAfterSeconds });
  }
}
