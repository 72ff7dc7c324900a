/** What RFC 6455 (section 4.2.1) asks of an opening handshake and ws does not. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { handleProtocols } from 'graphql-ws';

/** Null when nothing is wrong, else the status, and further header lines, to refuse it with. */
export function findHandshakeFault({ httpVersion, headers }: IncomingMessage): string | null {
  if (httpVersion !== '1.1' || headers.host === undefined) return '400 Bad Request';
  // A proxy takes for a body what would be frames here.
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0)
    return '400 Bad Request';
  // ws takes 8 too, a draft whose browsers say their origin in another header.
  if (headers['sec-websocket-version'] !== '13') return '426 Upgrade Required\r\nsec-websocket-version: 13';
  return null;
}

/**
 * False for a client that offers other subprotocols only, such as the older `graphql-ws`. One that offers none is
 * closed with 4406 by graphql-ws.
 */
export function offersProtocol({ headers: { 'sec-websocket-protocol': offered } }: IncomingMessage): boolean {
  if (offered === undefined) return true;
  const protocols = offered.split(',').map((name) => name.trim());
  // What is no list at all is for ws to refuse.
  return protocols.includes('') || handleProtocols(new Set(protocols)) !== false;
}

/**
 * `status` may carry further header lines. The socket is destroyed once the answer is written: a peer that does not
 * close its half would keep it, and our stop, waiting for ever.
 */
export function refuseUpgrade(socket: Duplex, status: string, body?: object): void {
  const text = body ? JSON.stringify(body) : '';
  const type = body ? 'content-type: application/json; charset=utf-8\r\n' : '';
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\n${type}content-length: ${Buffer.byteLength(text)}\r\n\r\n`;
  socket.once('finish', () => socket.destroy()).end(head + text);
}
