import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Endpoint } from './contract.ts';

/** Creates a `graphql-ws` client with its default retries. Node 20 has no built-in WebSocket. */
export const connectSocket = ({ webSocketUrl, authorization }: Endpoint): Client =>
  createClient({ url: webSocketUrl, webSocketImpl: WebSocket, connectionParams: { authorization } });

/** Returns the codes of formatted GraphQL errors. */
export const codesOf = (errors: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[]): unknown[] =>
  errors.map(({ extensions }) => extensions?.code);
