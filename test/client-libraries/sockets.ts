import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Endpoint } from './contract.ts';

/** The `graphql-ws` client with its default retries. Node 20 has no WebSocket of its own. */
export const connectSocket = ({ webSocketUrl, authorization }: Endpoint): Client =>
  createClient({ url: webSocketUrl, webSocketImpl: WebSocket, connectionParams: { authorization } });

/** The codes of errors as GraphQL formats them. */
export const codesOf = (errors: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[]): unknown[] =>
  errors.map(({ extensions }) => extensions?.code);
