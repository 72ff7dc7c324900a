/** Converts errors to what a client may see, the same on both transports. */
import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Log } from '../../log.ts';
import { GatewayError } from '../../errors.ts';

/** `code` is the code to report for an error of graphql-js that has none. */
export type MaskError = (error: unknown, code?: string) => GraphQLFormattedError;

/**
 * The maximum length of a message. graphql-js repeats the offending value at full length, and once for each error in
 * it.
 */
export const MAX_MESSAGE_LENGTH = 400;

/**
 * Creates the function that masks errors. Errors of the cores keep their code and message. So do errors of graphql-js
 * (syntax, validation, coercion) and errors that the gateway raises as GraphQL errors. All others become "Internal
 * error." with an id; the log has the details under this id. Without `suggestions`, no message reveals names in the
 * schema that the client did not know.
 */
export function createMaskError(log: Log, suggestions: boolean): MaskError {
  return (error, fallbackCode = 'GRAPHQL_VALIDATION_FAILED') => {
    const where =
      error instanceof GraphQLError
        ? { ...(error.locations && { locations: error.locations }), ...(error.path && { path: error.path }) }
        : {};
    const original = rootOf(error);
    if (original instanceof GatewayError) {
      if (original.cause !== undefined) log.warn({ err: original.cause }, 'the database is unavailable');
      return { message: original.message, ...where, extensions: extensionsOf(original) };
    }
    // An error with a path was raised while a field was executed. There, errors that the gateway raises on purpose have
    // a code; an error without one is an internal fault.
    if (original instanceof GraphQLError && (original.extensions.code !== undefined || !('path' in where))) {
      const message = suggestions ? original.message : original.message.replace(/ Did you mean .*\?$/s, '');
      return { message: shorten(message), ...where, extensions: { code: original.extensions.code ?? fallbackCode } };
    }
    const errorId = randomUUID();
    log.error({ err: original, errorId }, 'unexpected error');
    return { message: 'Internal error.', ...where, extensions: { code: 'INTERNAL_SERVER_ERROR', errorId } };
  };
}

const extensionsOf = ({ code, retryAfterSeconds, mayHaveCommitted }: GatewayError) => ({
  code,
  ...(retryAfterSeconds !== null && { retryAfterSeconds }),
  ...(mayHaveCommitted && { mayHaveBeenAccepted: true }),
});

/** Removes the middle of a message: the beginning names the argument or variable, the end gives the reason. */
function shorten(message: string): string {
  if (message.length <= MAX_MESSAGE_LENGTH) return message;
  const half = MAX_MESSAGE_LENGTH / 2;
  return `${message.slice(0, half).toWellFormed()}...${message.slice(-half).toWellFormed()}`;
}

/** Returns the error that was originally thrown, inside the wrappers that graphql-js adds. */
function rootOf(error: unknown): unknown {
  let root = error;
  while (root instanceof GraphQLError && root.originalError) root = root.originalError;
  return root;
}
