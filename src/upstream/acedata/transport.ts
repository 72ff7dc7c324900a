/**
 * Sends requests to the upstream over HTTP, with its token, time limits and proxies, and reads the responses without
 * the token.
 */
import { DecoratorHandler, request, type Dispatcher } from 'undici';
import { createDispatcher, type ProxySettings } from './proxy.ts';
import { unpackText } from './unpack.ts';
import { describeLocation } from './wire/redirect.ts';

export interface TransportOptions {
  readonly baseUrl: string;
  readonly token: string;
  /** Null connects directly, regardless of the environment. */
  readonly proxies: ProxySettings | null;
}

interface Post {
  readonly path: string;
  readonly body: string;
  /** Limits the whole exchange, from connecting to the end of the response. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly httpStatus: number;
  readonly text: string;
  /** The target of a redirect, without the parts that may be secret. */
  readonly location: string;
}

/** A connection for one request. */
interface DedicatedConnection {
  post(post: Post): Promise<Answer>;
  /** Returns true if the request began to be written. */
  began(): boolean;
  close(): void;
}

export interface Transport {
  /** Sends a request over one of a few connections that are reused. */
  post(post: Post): Promise<Answer>;
  openConnection(): DedicatedConnection;
  stop(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const MIN_TOKEN_LENGTH = 16;
const MAX_ANSWER_BYTES = 4 * 1_048_576;
/** The number of connections that are reused. */
const SHARED_CONNECTIONS = 2;

export function createTransport({ baseUrl, token, proxies }: TransportOptions): Transport {
  const base = baseUrl.replace(/\/+$/, '');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' };
  const shared = dispatcherOf(proxies, SHARED_CONNECTIONS);

  /**
   * Removes the token from a text, because responses of the upstream are shown to clients and may repeat what the
   * upstream was sent. A short token is kept: it can only be a placeholder, and may be an ordinary word.
   */
  const withoutToken = (text: string): string =>
    token.length < MIN_TOKEN_LENGTH ? text : text.replaceAll(token, '[redacted]');

  /** Reads the body of a response. At most `MAX_ANSWER_BYTES` are read as sent, and as many after decompression. */
  async function readText({ headers: answered, body }: Dispatcher.ResponseData): Promise<string> {
    return withoutToken(
      await unpackText(Buffer.from(await body.arrayBuffer()), answered['content-encoding'], MAX_ANSWER_BYTES),
    );
  }

  const locationOf = ({ headers: { location } }: Dispatcher.ResponseData): string =>
    withoutToken(describeLocation([location ?? ''].flat()[0]!, base));

  async function send(
    dispatcher: Dispatcher,
    { path, body, timeoutMs, signal }: Post,
    timeouts: Pick<Dispatcher.RequestOptions, 'headersTimeout' | 'bodyTimeout'> = {},
  ): Promise<Answer> {
    const response = await request(`${base}${path}`, {
      method: 'POST',
      headers,
      body,
      dispatcher,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      ...timeouts,
    });
    return { httpStatus: response.statusCode, text: await readText(response), location: locationOf(response) };
  }

  return {
    post: (post) => send(shared, post),
    openConnection() {
      const { agent, dispatcher, began } = evidencedConnection(proxies);
      return {
        post: (post) => send(dispatcher, post, { headersTimeout: post.timeoutMs, bodyTimeout: post.timeoutMs }),
        began,
        close: () => void agent.destroy(),
      };
    },
    stop: () => shared.destroy(),
  };
}

const dispatcherOf = (proxies: ProxySettings | null, connections: number): Dispatcher =>
  createDispatcher(proxies, {
    connections,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });

/** undici's declaration of `DecoratorHandler` omits its methods. */
const Decorated = DecoratorHandler as unknown as new (handler: Dispatcher.DispatchHandler) => {
  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void;
};

/**
 * Creates a connection for one request, which records whether the request began to be written. This separates "never
 * sent" from "may have arrived".
 */
function evidencedConnection(proxies: ProxySettings | null): {
  readonly agent: Dispatcher;
  readonly dispatcher: Dispatcher;
  began(): boolean;
} {
  let began = false;
  class Evidence extends Decorated {
    // Called on an established connection, TLS included, just before the first byte.
    override onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
      super.onRequestStart(controller, context);
      began ||= !controller.aborted;
    }
  }
  const agent = dispatcherOf(proxies, 1);
  const dispatcher = agent.compose((dispatch) => (options, handler) => dispatch(options, new Evidence(handler)));
  return { agent, dispatcher, began: () => began };
}
