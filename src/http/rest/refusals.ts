/** Maps the errors of the cores to the vendor's codes. */
import { GatewayError, type ErrorCode } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { ErrorCode as VendorCode } from '../../upstream/acedata/wire/envelopes.ts';
import { Refusal } from '../../upstream/acedata/wire/routes.ts';

const RETRY_AFTER_SECONDS = 5;

/** The vendor has four codes for an invalid key; the message gives the details. */
const vendorCodes: Readonly<Partial<Record<ErrorCode, VendorCode>>> = {
  UNAUTHENTICATED: 'no_token',
  AUTHORIZATION_MALFORMED: 'no_token',
  INVALID_TOKEN: 'invalid_token',
  TOKEN_EXPIRED: 'token_expired',
  TOKEN_REVOKED: 'invalid_token',
  ACCOUNT_DISABLED: 'disabled',
  FORBIDDEN: 'forbidden',
  RATE_LIMITED: 'too_many_requests',
  BAD_USER_INPUT: 'bad_request',
  NOT_FOUND: 'bad_request',
};

/**
 * Returns the refusal for an error. An error without a code in the contract is returned unchanged, and is sent as
 * `api_error` without its message.
 */
export function toRefusal(error: unknown, log: Log): unknown {
  if (!(error instanceof GatewayError)) return error;
  const { code, message, retryAfterSeconds } = error;
  if (code === 'SERVICE_UNAVAILABLE') {
    // The gateway is overloaded. This is the only code of the vendor that guarantees that no task was made and that the
    // request can be repeated.
    if (retryAfterSeconds !== null) return new Refusal('too_many_requests', message, retryAfterSeconds);
    log.warn({ err: error.cause }, 'the database is unavailable');
    return new Refusal('api_error', message, RETRY_AFTER_SECONDS);
  }
  const vendorCode = vendorCodes[code];
  return vendorCode === undefined ? error : new Refusal(vendorCode, message, retryAfterSeconds ?? undefined);
}
