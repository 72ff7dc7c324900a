/** A message-level WebSocket client. */
import { once } from 'node:events';
import { expect } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import type { TestGateway } from './gateway.ts';
import { onEnd } from './on-end.ts';

export type Message = Record<string, unknown>;

export interface OpenSocket {
  readonly socket: WebSocket;
  send(message: Message | string): void;
  /** Returns the oldest message that is not taken yet, or waits for the next one. */
  next(): Promise<Message>;
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
}

/** Opens a socket and waits for its acknowledgment unless `init` is false. The socket is closed when the test ends. */
export async function openSocket(
  { url, apiKey }: Pick<TestGateway, 'url' | 'apiKey'>,
  { init = true, ...options }: ClientOptions & { init?: boolean } = {},
): Promise<OpenSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', options);
  const messages: Message[] = [];
  const takers: ((message: Message) => void)[] = [];
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message;
    const taker = takers.shift();
    if (taker) taker(message);
    else messages.push(message);
  });
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  onEnd(async () => {
    socket.terminate();
    await closed;
  });
  await once(socket, 'open');
  const send: OpenSocket['send'] = (message) =>
    socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  const next: OpenSocket['next'] = () => {
    const message = messages.shift();
    return message ? Promise.resolve(message) : new Promise((resolve) => takers.push(resolve));
  };
  if (init) {
    send({ type: 'connection_init', payload: { authorization: `Bearer ${apiKey}` } });
    expect(await next()).toEqual({ type: 'connection_ack' });
  }
  return { socket, send, next, closed };
}

export const WATCH =
  'subscription ($id: ID!, $after: Int) { jobUpdated(id: $id, afterVersion: $after) { id version state } }';
export const subscribe = (id: string, query: string, variables: object = {}): Message => ({
  id,
  type: 'subscribe',
  payload: { query, variables },
});
