/** What the Headers pane shows until a key is known. */
const placeholder = 'Bearer <your API key>';

export type Headers = Record<string, string>;

export function prepareHeaders(apiKey: string | null): Headers {
  return { Authorization: apiKey === null ? placeholder : `Bearer ${apiKey}` };
}

/**
 * Whatever case the header's name has, and so that a key typed in one tab serves the tabs that still show the
 * placeholder. The key stays in memory: it is never stored.
 */
export function createAuthorizer(): (headers: Headers) => Headers {
  let known: string | null = null;
  return (headers) => {
    const { authorization, ...others } = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    if (authorization === undefined) return others;
    if (authorization !== placeholder) known = authorization;
    return known === null ? others : { ...others, authorization: known };
  };
}
