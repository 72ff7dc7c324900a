/** Distinguishes "the database cannot answer now" from "the statement is wrong", for everything in this folder. */
import { DrizzleQueryError } from 'drizzle-orm';
import { InvalidArgumentError, UnavailableError } from '../../errors.ts';

/** COMMIT failed. Without an answer of the server among the causes, it may have taken effect all the same. */
export class CommitUnknownError extends Error {
  override readonly name = 'CommitUnknownError';

  constructor(cause: unknown) {
    super('the outcome of a commit is unknown', { cause });
  }
}

/**
 * SQLSTATEs of connection exceptions, insufficient resources, operator intervention (shutdown, cancel), system errors,
 * lock not available, read-only, idle in transaction for too long, serialization failures and deadlocks.
 */
const unavailableStates = /^(08|53|57|58|55P03|25006|25P03|40001|40P01)/;
const unavailableErrnos = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);
/** Messages of the driver, and of a standby that is not promoted yet: its SQLSTATE, 55000, has other causes as well. */
const unavailableMessages =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|not queryable|Cannot use a pool after calling end|recovery is in progress/;

/** SQLSTATEs of the character NUL in text or in JSON. PostgreSQL rejects it, and no client sends it intentionally. */
const nulStates: ReadonlySet<string> = new Set(['22021', '22P05']);

/** True if `error` or one of its causes shows that the database cannot answer now. */
export function isUnavailable(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code;
    if (typeof code === 'string' && (unavailableErrnos.has(code) || unavailableStates.test(code))) return true;
    if (unavailableMessages.test(cause.message)) return true;
    if (cause instanceof AggregateError && cause.errors.some(isUnavailable)) return true;
  }
  return false;
}

/** Returns the SQLSTATE, wherever in the chain of causes the driver left it; null if there is none. */
export function sqlStateOf(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code;
    // Every SQLSTATE that PostgreSQL uses contains a digit, and `EPIPE` does not.
    if (typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code)) return code;
  }
  return null;
}

/** True if a statement failed because this unique index already has an entry with the same key. */
export function isDuplicateOf(error: unknown, index: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, constraint } = cause as { code?: unknown; constraint?: unknown };
    if (code === '23505' && constraint === index) return true;
  }
  return false;
}

/**
 * Removes the parameters from a Drizzle error. They include prompts and signed URLs, which must not be logged. The
 * message of the driver's error, which describes the problem, is kept.
 */
const withoutParameters = (error: unknown): unknown =>
  error instanceof DrizzleQueryError
    ? Object.assign(new Error(`a statement failed: ${error.cause?.message ?? 'unknown'}`), {
        statement: error.query,
        code: sqlStateOf(error),
      })
    : error;

/**
 * Wraps an object so that its methods reject with `UnavailableError` if the database cannot answer, and with
 * `InvalidArgumentError` for text that the database rejects.
 */
export function reportingUnavailability<T extends object>(store: T): T {
  const wrapped = Object.entries(store).map(([name, method]: [string, unknown]) => [
    name,
    typeof method !== 'function'
      ? method
      : async (...args: unknown[]): Promise<unknown> => {
          try {
            return await (method as (...args: unknown[]) => unknown)(...args);
          } catch (error) {
            if (error instanceof UnavailableError) throw error;
            if (nulStates.has(sqlStateOf(error) ?? ''))
              throw new InvalidArgumentError('Text must not contain the character NUL.');
            const said = withoutParameters(error);
            // A commit that PostgreSQL itself rejects did not happen. Without any answer it may have happened, whatever
            // the driver reports.
            const doubtful =
              error instanceof CommitUnknownError && (sqlStateOf(error) === null || isUnavailable(error));
            throw doubtful || isUnavailable(error) ? new UnavailableError(said, doubtful) : said;
          }
        },
  ]);
  return Object.fromEntries(wrapped) as T;
}
