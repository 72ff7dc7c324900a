/**
 * Additional fields for the log line of a request: account, GraphQL operation and error codes. Never a document or the
 * value of a variable.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';

interface RequestNotes {
  accountId?: string;
  /** The name of the GraphQL operation; null if it is anonymous. */
  operation?: string | null;
  operationType?: string;
  /** Distinct error codes. */
  errors?: readonly string[];
}

/** Limit for operation names, whose length clients choose. */
const MAX_NAME_LENGTH = 100;

const notes = new WeakMap<FastifyRequest, RequestNotes>();

export function noteOn(request: FastifyRequest, added: RequestNotes): void {
  notes.set(request, { ...notes.get(request), ...added });
}

export const notesOf = (request: FastifyRequest): RequestNotes => notes.get(request) ?? {};

export const nameOf = (operation: string | null | undefined): string | null =>
  operation?.slice(0, MAX_NAME_LENGTH) ?? null;

/** Returns the distinct codes of GraphQL errors, in alphabetical order. */
export const codesOf = (
  errors: readonly { readonly extensions?: Readonly<Record<string, unknown>> | undefined }[],
): string[] =>
  [
    ...new Set(errors.map(({ extensions }) => (typeof extensions?.code === 'string' ? extensions.code : 'none'))),
  ].sort();

/**
 * Records the codes of error responses that are sent as objects, on every route: `{ errors: [...] }`, and
 * `{ error: { code } }` for REST.
 */
export function noteRefusals(app: FastifyInstance): void {
  app.addHook('preSerialization', async (request, _reply, payload: unknown) => {
    const { error, errors } = (payload ?? {}) as {
      readonly error?: { readonly code?: unknown };
      readonly errors?: unknown;
    };
    if (Array.isArray(errors)) noteOn(request, { errors: codesOf(errors as Parameters<typeof codesOf>[0]) });
    else if (typeof error?.code === 'string') noteOn(request, { errors: [error.code] });
    return payload;
  });
}
