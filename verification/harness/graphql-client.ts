/** Sends GraphQL operations over HTTP as a client does, with a timeout. */

export interface GraphQLAnswer<T> {
  readonly status: number;
  readonly data?: T | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
}

/** The outcome of a request, as far as its sender can know. */
export type Reply<T> =
  | { readonly kind: 'answered'; readonly answer: GraphQLAnswer<T> }
  /** The connection was refused. */
  | { readonly kind: 'neverSent'; readonly reason: string }
  /** The connection broke, the request timed out, or the answer could not be read. */
  | { readonly kind: 'unanswered'; readonly reason: string };

export interface Operation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 8_000;

/** Sends one operation. `url` is the URL of a gateway, without a path. Never rejects. */
export async function send<T>(
  url: string,
  apiKey: string,
  { query, variables = {}, headers = {}, timeoutMs = DEFAULT_TIMEOUT_MS }: Operation,
): Promise<Reply<T>> {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      // Uses a new connection. On a reused one, a reset cannot be distinguished from a server that had exited before.
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${apiKey}`,
        connection: 'close',
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = JSON.parse(await response.text()) as Omit<GraphQLAnswer<T>, 'status'>;
    return { kind: 'answered', answer: { ...body, status: response.status } };
  } catch (error) {
    const reason = reasonOf(error);
    return { kind: reason === 'ECONNREFUSED' ? 'neverSent' : 'unanswered', reason };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = (error.cause ?? error) as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
