/** What of an error a client may see, the same on both transports. */
import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Log } from '../../log.ts';
import { GatewayError } from '../../errors.ts';

/** `code` is for an error of GraphQL itself, which brings none. */
export type MaskError = (error: unknown, code?: string) => GraphQLFormattedError;

/** GraphQL's own messages repeat what they are about, as long as it is, and as often as it is wrong. */
export const MAX_MESSAGE_LENGTH = 400;

/**
 * Errors of the cores keep their code and message; GraphQL's own (syntax, validation, coercion) and those that we raise
 * as GraphQL errors keep message and code; all others become "Internal error" with an id under which the log has the
 * rest. Without `suggestions` no message tells names of the schema that the client did not know.
 */
export function createMaskError(log: Log, suggestions: boolean): MaskError {
  return (error, fallbackCode = 'GRAPHQL_VALIDATION_FAILED') => {
    const where =
      error instanceof GraphQLError
        ? { ...(error.locations && { locations: error.locations }), ...(error.path && { path: error.path }) }
        : {};
    const original = rootOf(error);
    if (original instanceof GatewayError) {
      if (original.cause !== undefined) log.warn({ err: original.cause }, 'the store is not available');
      return { message: original.message, ...where, extensions: extensionsOf(original) };
    }
    // With a path it was raised while a field was executed: what is ours has a code then, the rest is a fault inside.
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

/** Removes the middle: the beginning names the argument or variable, the end the reason. */
function shorten(message: string): string {
  if (message.length <= MAX_MESSAGE_LENGTH) return message;
  const half = MAX_MESSAGE_LENGTH / 2;
  return `${message.slice(0, half).toWellFormed()}...${message.slice(-half).toWellFormed()}`;
}

/** The error that was thrown, below the wrappers that GraphQL puts around it. */
function rootOf(error: unknown): unknown {
  let root = error;
  while (root instanceof GraphQLError && root.originalError) root = root.originalError;
  return root;
}
