/** Selects the media type of a GraphQL over HTTP response by the `Accept` header of the request. */

export const GRAPHQL_RESPONSE = 'application/graphql-response+json';
const JSON_TYPE = 'application/json';

/**
 * Returns the accepted media type with the highest quality value. Among equal ones, the first in the header wins. A
 * missing header or a wildcard selects `application/json`. Null if the header accepts neither type.
 */
export function acceptedType(accept: string | undefined): typeof GRAPHQL_RESPONSE | typeof JSON_TYPE | null {
  if (accept === undefined || accept.trim() === '') return JSON_TYPE;
  let best: { type: typeof GRAPHQL_RESPONSE | typeof JSON_TYPE; quality: number } | null = null;
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = Number(parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, '') ?? 1);
    const type =
      name === GRAPHQL_RESPONSE
        ? GRAPHQL_RESPONSE
        : ['*/*', 'application/*', JSON_TYPE].includes(name)
          ? JSON_TYPE
          : null;
    if (type !== null && quality > (best?.quality ?? 0)) best = { type, quality };
  }
  return best?.type ?? null;
}
