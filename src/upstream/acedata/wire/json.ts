/** Reads JSON from external sources. No function here throws or trusts a type. */
import { parseUrl } from '../../../network/parse-url.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** In valid JSON, every quote opens or closes a string, so a match is a whole string or a whole number. */
const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const integer = /^-?\d+$/;

/**
 * NaN and infinity as some languages write them, outside of strings. An unterminated string extends to the end of the
 * text, so that it is read only once.
 */
const stringOrNoNumber = /"[^"\\]*(?:\\[^]?[^"\\]*)*(?:"|$)|[-+]?\b(?:nan|inf(?:inity)?)\b/gi;

/**
 * Parses JSON with or without a byte order mark; undefined if the text is not JSON. An integer beyond 2^53 becomes a
 * string of its digits, because `JSON.parse` would change it: a `video_id` has 18 digits, and some servers omit its
 * quotes.
 */
export function readJson(sent: string): unknown {
  const text = sent.startsWith('\ufeff') ? sent.slice(1) : sent;
  try {
    const value: unknown = JSON.parse(text);
    return /\d{16}/.test(text) ? JSON.parse(text.replace(stringOrNumber, quoteUnsafe)) : value;
  } catch {
    return undefined;
  }
}

/**
 * Does the same for text from the upstream. `NaN` and `Infinity`, which are not JSON, are read as null: one invalid
 * number must not hide the rest.
 */
export function readLooseJson(text: string): unknown {
  const value = readJson(text);
  return value !== undefined
    ? value
    : readJson(text.replace(stringOrNoNumber, (token) => (token.startsWith('"') ? token : 'null')));
}

const quoteUnsafe = (token: string): string =>
  integer.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token;

export function asObject(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/**
 * Returns a string or a number as text that PostgreSQL can store: without NUL, and with lone surrogates replaced. Null
 * if nothing is left.
 */
export function asText(value: unknown, maxLength = 2_000): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  return String(value).replaceAll('\0', '').trim().slice(0, maxLength).toWellFormed() || null;
}

/**
 * Returns an id that fits in an index: text of at most 255 characters. Null for anything longer, because a truncated id
 * is a different id.
 */
export function asId(value: unknown): string | null {
  const id = asText(value, 256);
  return id !== null && id.length <= 255 ? id : null;
}

/** Returns a finite number of at least zero, even if it is written as a string: `5.066` and `"5.066"`. */
export function asNumber(value: unknown): number | null {
  const text = asText(value);
  const number = text === null ? NaN : Number(text);
  return Number.isFinite(number) && number >= 0 ? number : null;
}

export function asHttpUrl(value: unknown): string | null {
  const text = asText(value, Infinity);
  return text !== null && isHttpUrl(text) ? text : null;
}

export function isHttpUrl(text: string): boolean {
  return ['http:', 'https:'].includes(parseUrl(text)?.protocol ?? '');
}
