/** The upstream's errors: the codes, and every envelope that contains them. */
import type { ErrorAnswer } from './answers.ts';
import { asId, asObject, asText, readLooseJson } from './json.ts';
import type { JsonObject } from './json.ts';

/**
 * Every documented code with the HTTP status that we send with it. `token_mismatched` also occurs with 401, `disabled`
 * with 400.
 */
export const errorStatuses = {
  bad_request: 400,
  api_not_implemented: 400,
  token_mismatched: 400,
  no_token: 400,
  invalid_token: 401,
  token_expired: 401,
  disabled: 403,
  used_up: 403,
  forbidden: 403,
  no_api: 404,
  too_many_requests: 429,
  rate_limited: 429,
  api_error: 500,
  timeout: 504,
} as const;

export type ErrorCode = keyof typeof errorStatuses;

export function isKnownCode(code: string | null): code is ErrorCode {
  return code !== null && Object.hasOwn(errorStatuses, code);
}

/** Returns true if the code means, with any HTTP status, that no task was made. */
export function isRefusalCode(code: string | null): boolean {
  return isKnownCode(code) && errorStatuses[code] < 500;
}

/**
 * Returns true if the code means, with any HTTP status, that a task may exist: `api_error` and `timeout` leave it open.
 */
export function isDoubtfulCode(code: string | null): boolean {
  return isKnownCode(code) && errorStatuses[code] >= 500;
}

export interface WireError {
  /** Null when the envelope carries no code. */
  readonly code: string | null;
  readonly message: string;
  /** The id that the vendor's support asks for. */
  readonly traceId: string | null;
}

export function encodeError(code: string, message: string, traceId: string): ErrorAnswer {
  return { success: false, error: { code, message }, trace_id: traceId };
}

/** Decodes any error response. The result always has a message. */
export function decodeError(httpStatus: number, answer: string | JsonObject): WireError {
  const parsed = typeof answer === 'string' ? readLooseJson(answer) : answer;
  const body = asObject(parsed);
  if (body !== null) {
    const message = asText(body.message) ?? `HTTP ${httpStatus} without an error`;
    return findError(body) ?? { code: asId(body.code), message, traceId: asId(body.trace_id) };
  }
  const text = asText(typeof parsed === 'string' ? parsed : answer);
  if (text === null) return { code: null, message: `HTTP ${httpStatus} with an empty body`, traceId: null };
  return { code: null, message: text.startsWith('<') ? `HTTP ${httpStatus} with an HTML page` : text, traceId: null };
}

/**
 * Finds the error in a body, in any of its shapes; null if there is none. An error with a code is structured and can be
 * relied on.
 */
export function findError(body: JsonObject): WireError | null {
  const traceId = asId(body.trace_id);
  const error = asObject(body.error);
  if (error !== null) {
    const code = asId(error.code);
    const message = asText(error.message) ?? code;
    return message === null ? null : { code, message, traceId: traceId ?? asId(error.trace_id) };
  }
  const bare = asText(body.error);
  if (bare !== null) return { code: null, message: bare, traceId };
  const detail = asText(body.detail);
  return detail === null ? null : { code: asId(body.code), message: detail, traceId };
}
