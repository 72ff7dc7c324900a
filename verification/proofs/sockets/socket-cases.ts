/**
 * Everything that a hostile client does to a socket, with the outcomes that RFC 6455 and graphql-transport-ws require.
 */
import { closingCases } from './closing-cases.ts';
import { frameCases } from './frame-cases.ts';
import { handshakeCases } from './handshake-cases.ts';
import { messageCases } from './message-cases.ts';
import type { SocketCase } from './socket-bench.ts';

export const socketCases: readonly SocketCase[] = [...handshakeCases, ...frameCases, ...closingCases, ...messageCases];
