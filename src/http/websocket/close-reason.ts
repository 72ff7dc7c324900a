/** Chooses the code and the reason with which a socket is closed after an error. */
import { CloseCode } from 'graphql-ws';
import { GatewayError, type ErrorCode } from '../../errors.ts';
import type { Log } from '../../log.ts';

/** Thrown while a socket is acknowledged. The socket is closed with 1013, after which clients reconnect. */
export class TooManySocketsError extends Error {
  override readonly name = 'TooManySocketsError';
}

/** Errors that the client itself has to correct before it reconnects. */
const forbidden: ReadonlySet<ErrorCode> = new Set([
  'ACCOUNT_DISABLED',
  'AUTHORIZATION_MALFORMED',
  'BAD_USER_INPUT',
  'FORBIDDEN',
  'INVALID_TOKEN',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'UNAUTHENTICATED',
]);

const isForbidden = (error: unknown): error is GatewayError =>
  error instanceof GatewayError && forbidden.has(error.code);

/**
 * Returns the reason of a 4403: a code that clients may rely on, then a human-readable message. A reason of more than
 * 123 bytes is omitted.
 */
export const closeReasonOf = ({ code, message }: GatewayError): string => `${code}: ${message}`;

/** Closes a socket because of an error in handling one of its messages, and logs the error if it is not the client's. */
export function closeAfter(error: unknown, close: (code: number, reason: string) => void, log: Log): void {
  if (error instanceof TooManySocketsError) return close(1013, 'Too many sockets');
  const code = error instanceof GatewayError ? error.code : null;
  if (code === 'RATE_LIMITED') return close(1013, 'Too many unknown keys');
  if (isForbidden(error)) return close(CloseCode.Forbidden, closeReasonOf(error));
  const level = code === 'SERVICE_UNAVAILABLE' ? 'warn' : 'error';
  log[level]({ err: error }, 'a socket message could not be handled');
  // Clients reconnect after 1013, but not after 1011 or graphql-ws's own 4500.
  close(1013, 'Try again later');
}
