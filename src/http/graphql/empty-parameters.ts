/**
 * Treats optional parameters with an empty value as absent. Some clients send them: `"operationName": ""`,
 * `&variables=`.
 */

const optional = ['operationName', 'variables', 'extensions'] as const;

/** Returns the body without empty optional parameters. */
export function withoutEmptyFields(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const isEmpty = (name: string): boolean => (body as Record<string, unknown>)[name] === '';
  if (!optional.some(isEmpty)) return body;
  return Object.fromEntries(
    Object.entries(body).filter(([name]) => !(optional as readonly string[]).includes(name) || !isEmpty(name)),
  );
}

/** Does the same for a query string, in which the JSON text `null` also counts as empty `variables` or `extensions`. */
export function withoutEmptyParameters(search: string): string {
  const parameters = new URLSearchParams(search);
  const empty = optional.filter((name) => {
    const [value, ...others] = parameters.getAll(name);
    return others.length === 0 && (value === '' || (value === 'null' && name !== 'operationName'));
  });
  if (empty.length === 0) return search;
  for (const name of empty) parameters.delete(name);
  return `?${parameters.toString()}`;
}
