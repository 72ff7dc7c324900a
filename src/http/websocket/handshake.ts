/** Enforces the requirements of RFC 6455 (section 4.2.1) on an opening handshake that ws does not check. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { handleProtocols } from 'graphql-ws';

/** Returns the status, with further header lines, to refuse the handshake with, or null if it is valid. */
export function findHandshakeFault({ httpVersion, headers }: IncomingMessage): string | null {
  if (httpVersion !== '1.1' || headers.host === undefined) return '400 Bad Request';
  // A proxy would treat the bytes that are frames here as a request body.
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0)
    return '400 Bad Request';
  // ws also accepts version 8, a draft in which browsers send their origin in another header.
  if (headers['sec-websocket-version'] !== '13') return '426 Upgrade Required\r\nsec-websocket-version: 13';
  return null;
}

/**
 * Returns false for a client that offers only other subprotocols, such as the older `graphql-ws`. graphql-ws closes the
 * socket of a client that offers none with 4406.
 */
export function offersProtocol({ headers: { 'sec-websocket-protocol': offered } }: IncomingMessage): boolean {
  if (offered === undefined) return true;
  const protocols = offered.split(',').map((name) => name.trim());
  // ws itself refuses a value that is not a list.
  return protocols.includes('') || handleProtocols(new Set(protocols)) !== false;
}

/**
 * Refuses an upgrade. `status` may include further header lines. Destroys the socket once the response is written: a
 * peer that does not close its half would keep it open, and block our shutdown, indefinitely.
 */
export function refuseUpgrade(socket: Duplex, status: string, body?: object): void {
  const text = body ? JSON.stringify(body) : '';
  const type = body ? 'content-type: application/json; charset=utf-8\r\n' : '';
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\n${type}content-length: ${Buffer.byteLength(text)}\r\n\r\n`;
  socket.once('finish', () => socket.destroy()).end(head + text);
}
