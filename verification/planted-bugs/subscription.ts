/** A hand-written client for one subscription over graphql-ws, which can stop reading. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Operation } from '../harness/graphql-client.ts';
import type { GatewayProcess } from '../harness/gateway-process.ts';

export interface Subscription {
  /** Stops reading. Incoming data is buffered in the kernels, and then by the sender. */
  pause(): void;
  resume(): void;
  close(): void;
}

interface Message {
  readonly type: string;
  readonly payload?: { readonly data?: unknown };
}

/** Resolves when the subscription has been requested. */
export async function subscribe<T>(
  { url }: GatewayProcess,
  apiKey: string,
  { query, variables = {} }: Operation,
  onData: (data: T) => void,
): Promise<Subscription> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
  const send = (message: object): void => socket.send(JSON.stringify(message));
  await once(socket, 'open');
  const acknowledged = new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('close', (code) => reject(new Error(`the socket was closed with ${code}`)));
    socket.on('message', (text: Buffer) => {
      const { type, payload } = JSON.parse(text.toString()) as Message;
      if (type === 'connection_ack') resolve();
      else if (payload?.data) onData(payload.data as T);
    });
  });
  send({ type: 'connection_init', payload: { authorization: `Bearer ${apiKey}` } });
  await acknowledged;
  send({ id: '1', type: 'subscribe', payload: { query, variables } });
  return { pause: () => socket.pause(), resume: () => socket.resume(), close: () => socket.terminate() };
}
