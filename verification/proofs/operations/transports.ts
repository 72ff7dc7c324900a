/** Both transports of one gateway, as a hostile client uses them: one request at a time, and its outcome. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Request } from './documents.ts';

/** The outcome of one request. */
export interface Answer {
  /**
   * The distinct codes of its errors, sorted; `HTTP <status>` or `closed <code>` if the request was not admitted at
   * all.
   */
  readonly codes: readonly string[];
  /** The whole answer, as received. */
  readonly text: string;
  /** Over HTTP, its status; over the socket, the code that closed the socket, or null while it is open. */
  readonly status: number | null;
}

interface Body {
  readonly errors?: readonly { readonly extensions?: { readonly code?: unknown } }[];
}

const TIMEOUT_MS = 10_000;

export async function post(
  url: string,
  apiKey: string,
  body: string,
  contentType = 'application/json',
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, ...(contentType && { 'content-type': contentType }) },
    body: new TextEncoder().encode(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    text,
    codes: isJson ? codesOf(JSON.parse(text) as Body) : [`HTTP ${response.status}`],
  };
}

export interface Subscriber {
  /**
   * Subscribes, and resolves once the subscription has ended or the socket was closed. After a close, the next call
   * opens another socket.
   */
  subscribe(request: Request): Promise<Answer>;
  close(): void;
}

interface Message {
  readonly id?: string;
  readonly type: string;
  readonly payload?: unknown;
}

export function createSubscriber(url: string, apiKey: string): Subscriber {
  let socket: WebSocket | undefined;
  let number = 0;

  async function open(): Promise<WebSocket> {
    const opened = new WebSocket(`${url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
    opened.on('error', () => undefined);
    await once(opened, 'open');
    opened.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${apiKey}` } }));
    await once(opened, 'message');
    return opened;
  }

  return {
    async subscribe(payload) {
      if (socket?.readyState !== WebSocket.OPEN) socket = await open();
      const current = socket;
      const id = String((number += 1));
      const texts: string[] = [];
      const codes = new Set<string>();
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => finish(() => reject(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`))),
          TIMEOUT_MS,
        );
        const finish = (end: () => void): void => {
          clearTimeout(timer);
          current.off('message', hear);
          current.off('close', closed);
          end();
        };
        const answer = (status: number | null): Answer => ({
          status,
          text: texts.join('\n'),
          codes: [...codes].sort(),
        });
        const closed = (code: number): void => finish(() => resolve({ ...answer(code), codes: [`closed ${code}`] }));
        const hear = (data: Buffer): void => {
          const message = JSON.parse(data.toString()) as Message;
          if (message.id !== id) return;
          texts.push(data.toString());
          const errors =
            message.type === 'error'
              ? message.payload
              : message.type === 'next'
                ? (message.payload as Body).errors
                : [];
          for (const code of codesOf({ errors: (errors ?? []) as Body['errors'] & object })) codes.add(code);
          if (message.type === 'error' || message.type === 'complete') finish(() => resolve(answer(null)));
        };
        current.on('message', hear);
        current.on('close', closed);
        current.send(JSON.stringify({ id, type: 'subscribe', payload }));
      });
    },
    close: () => socket?.terminate(),
  };
}

const codesOf = ({ errors = [] }: Body): string[] =>
  [...new Set(errors.map(({ extensions }) => String(extensions?.code)))].sort();
