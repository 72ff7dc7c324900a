/** Reading JSON that somebody else wrote: nothing here throws, and nothing trusts a type. */
import { parseUrl } from '../../../network/parse-url.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** In valid JSON every quote opens a string or closes one, so a match is a whole string or a whole number. */
const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const integer = /^-?\d+$/;

/**
 * What some languages write for a number that is none; outside of strings. A string that does not end goes to the end,
 * so that it is read once.
 */
const stringOrNoNumber = /"[^"\\]*(?:\\[^]?[^"\\]*)*(?:"|$)|[-+]?\b(?:nan|inf(?:inity)?)\b/gi;

/**
 * Parses JSON, with or without a byte order mark; undefined when the text is none. An integer beyond 2^53 becomes a
 * string of its digits, because `JSON.parse` would change it: a `video_id` has 18 digits, and some servers forget its
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
 * The same for what the upstream says, where `NaN` and `Infinity`, which are not JSON, are read as null: one figure
 * must not hide the rest.
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
 * A string or a number as text that PostgreSQL can store: without NUL, and with lone surrogates replaced; null when
 * nothing is left.
 */
export function asText(value: unknown, maxLength = 2_000): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  return String(value).replaceAll('\0', '').trim().slice(0, maxLength).toWellFormed() || null;
}

/**
 * An id that fits an index: text of at most 255 characters; null for anything longer, because half an id is another id.
 */
export function asId(value: unknown): string | null {
  const id = asText(value, 256);
  return id !== null && id.length <= 255 ? id : null;
}

/** A finite number of at least zero, also when it is written as a string: `5.066` and `"5.066"`. */
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
