/** From the errors of the cores to the vendor's codes. */
import {
  BadAccountArgumentError,
  ForbiddenError,
  RateLimitedError,
  UnauthenticatedError,
  type WhyRefused,
} from '../../accounts/errors.ts';
import { BadArgumentError, JobNotFoundError, UnavailableError } from '../../jobs/model/errors.ts';
import type { Log } from '../../jobs/ports/store.ts';
import type { ErrorCode } from '../../upstream/acedata/wire/envelopes.ts';
import { Refusal } from '../../upstream/acedata/wire/routes.ts';
import { OverloadedError } from '../overload/admission.ts';

const RETRY_AFTER_SECONDS = 5;

/** The vendor has four codes for what is wrong with a key; the message tells more. */
const credentialCodes: Readonly<Record<WhyRefused, ErrorCode>> = {
  missing: 'no_token',
  malformed: 'no_token',
  unknown: 'invalid_token',
  expired: 'token_expired',
  revoked: 'invalid_token',
  disabled: 'disabled',
};

/** What cannot be told in a code of its own is returned as it is, and leaves as `api_error` without its words. */
export function toRefusal(error: unknown, log: Log): unknown {
  if (error instanceof UnauthenticatedError) return new Refusal(credentialCodes[error.why], error.message);
  if (error instanceof ForbiddenError) return new Refusal('forbidden', error.message);
  if (error instanceof RateLimitedError)
    return new Refusal('too_many_requests', error.message, error.retryAfterSeconds);
  // The vendor's only code that says for sure that no task was made and that the request can be repeated.
  if (error instanceof OverloadedError) return new Refusal('too_many_requests', error.message, error.retryAfterSeconds);
  if (
    error instanceof BadArgumentError ||
    error instanceof BadAccountArgumentError ||
    error instanceof JobNotFoundError
  )
    return new Refusal('bad_request', error.message);
  if (error instanceof UnavailableError) {
    log.warn({ err: error.cause }, 'the store is not available');
    return new Refusal('api_error', error.message, RETRY_AFTER_SECONDS);
  }
  return error;
}
