/** Tells "the database cannot answer now" from "the statement is wrong", for everything in this folder at once. */
import { DrizzleQueryError } from 'drizzle-orm';
import { InvalidArgumentError, UnavailableError } from '../../errors.ts';

/** COMMIT was sent and not answered. */
export class CommitUnknownError extends Error {
  override readonly name = 'CommitUnknownError';

  constructor(cause: unknown) {
    super('the outcome of a commit is unknown', { cause });
  }
}

/**
 * Connection exceptions, insufficient resources, operator intervention (shutdown, cancel), lock not available,
 * read-only, idle in transaction for too long, serialization and deadlock.
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
/** Of the driver, and of a standby that is not promoted yet: its SQLSTATE, 55000, has other causes as well. */
const unavailableMessages =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|not queryable|Cannot use a pool after calling end|recovery is in progress/;

/** A text, or text in JSON, with the character NUL, which PostgreSQL does not take and nobody means. */
const nulStates: ReadonlySet<string> = new Set(['22021', '22P05']);

/** Whether `error`, or what caused it, says that the database cannot answer now. */
export function isUnavailable(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code;
    if (typeof code === 'string' && (unavailableErrnos.has(code) || unavailableStates.test(code))) return true;
    if (unavailableMessages.test(cause.message)) return true;
    if (cause instanceof AggregateError && cause.errors.some(isUnavailable)) return true;
  }
  return false;
}

/** The SQLSTATE, wherever in the chain of causes the driver left it. */
export function sqlStateOf(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code;
    // With a digit, as every SQLSTATE that PostgreSQL uses: `EPIPE` is none.
    if (typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code)) return code;
  }
  return null;
}

/** Whether a statement failed because what it wrote is there already, by this unique index. */
export function isDuplicateOf(error: unknown, index: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, constraint } = cause as { code?: unknown; constraint?: unknown };
    if (code === '23505' && constraint === index) return true;
  }
  return false;
}

/**
 * Drizzle's error repeats the parameters, prompts and signed links among them, which do not belong into a log. The
 * driver's error below it says what is wrong.
 */
const withoutParameters = (error: unknown): unknown =>
  error instanceof DrizzleQueryError
    ? Object.assign(new Error(`a statement failed: ${error.cause?.message ?? 'unknown'}`), {
        statement: error.query,
        code: sqlStateOf(error),
      })
    : error;

/**
 * The same object, whose methods reject with `UnavailableError` when the database cannot answer, and with
 * `InvalidArgumentError` for text that it does not take.
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
            // A commit that PostgreSQL itself refuses did not happen; without any answer it may have, whatever the
            // driver calls that.
            const doubtful =
              error instanceof CommitUnknownError && (sqlStateOf(error) === null || isUnavailable(error));
            throw doubtful || isUnavailable(error) ? new UnavailableError(said, doubtful) : said;
          }
        },
  ]);
  return Object.fromEntries(wrapped) as T;
}
