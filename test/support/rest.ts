/** A client of the vendor's REST API, independent of the server that implements it. */
import { request as httpRequest, type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { seed } from '../fixtures/wire.ts';

/** The example request of the vendor's documentation. */
export const SEED_BODY = JSON.parse(seed('submit-body')) as Readonly<Record<string, string>>;

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown> & {
    readonly task_id?: string;
    readonly error?: { readonly code: string; readonly message: string };
  };
}

export interface RestClient {
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<RestAnswer>;
  /** Submits the request of the vendor's documentation with the given changes. */
  submit(more?: object, headers?: Record<string, string>): Promise<RestAnswer>;
  /** Submits the same request asynchronously; resolves with the task id. */
  take(more?: object, headers?: Record<string, string>): Promise<string>;
  retrieve(id: string): Promise<RestAnswer>;
  retrieveBatch(asked: object): Promise<RestAnswer>;
}

export function createRestClient({ url, apiKey }: { readonly url: string; readonly apiKey: string }): RestClient {
  const post: RestClient['post'] = async (path, body, headers = {}) => {
    const sent = {
      'content-type': 'application/json',
      accept: 'application/json',
      authorization: `Bearer ${apiKey}`,
      ...headers,
    };
    const response = await fetch(url + path, {
      method: 'POST',
      headers: Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== '')),
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as RestAnswer['body'] };
  };
  const submit: RestClient['submit'] = (more = {}, headers) =>
    post('/kling/motion', { ...SEED_BODY, ...more }, headers);
  return {
    post,
    submit,
    async take(more, headers) {
      const { status, body } = await submit({ async: true, ...more }, headers);
      if (status !== 200 || body.task_id === undefined)
        throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`);
      return body.task_id;
    },
    retrieve: (id) => post('/kling/tasks', { action: 'retrieve', id }),
    retrieveBatch: (asked) => post('/kling/tasks', { action: 'retrieve_batch', ...asked }),
  };
}

export interface OpenRequest {
  readonly request: ClientRequest;
  readonly answer: Promise<RestAnswer>;
  /** Closes the connection with a FIN or an RST. */
  hangUp(how?: 'close' | 'reset'): void;
}

/**
 * Opens a synchronous submit whose connection the test can break. Without an agent, the request has a separate
 * connection.
 */
export function openSubmit(
  { url, apiKey }: { readonly url: string; readonly apiKey: string },
  more: object = {},
  agent?: Agent,
): OpenRequest {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` };
  const request = httpRequest(`${url}/kling/motion`, {
    method: 'POST',
    headers,
    ...(agent ? { agent } : { agent: false }),
  });
  const answer = new Promise<RestAnswer>((resolve, reject) => {
    request.on('error', reject).on('response', (response: IncomingMessage) => {
      json(response).then(
        (body) =>
          resolve({
            status: response.statusCode!,
            headers: new Headers(response.headers as Record<string, string>),
            body: body as RestAnswer['body'],
          }),
        reject,
      );
    });
  });
  answer.catch(() => undefined);
  request.end(JSON.stringify({ ...SEED_BODY, ...more }));
  return {
    request,
    answer,
    hangUp: (how = 'close') => (how === 'close' ? void request.destroy() : void request.socket?.resetAndDestroy()),
  };
}
