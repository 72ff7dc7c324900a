/** What RFC 6455 (section 4.2.1) asks of an opening handshake and ws does not. */
import type { IncomingMessage } from 'node:http';

/** Null when nothing is wrong, else the status, and further header lines, to refuse it with. */
export function findHandshakeFault({ httpVersion, headers }: IncomingMessage): string | null {
  if (httpVersion !== '1.1' || headers.host === undefined) return '400 Bad Request';
  // A proxy takes for a body what would be frames here.
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) return '400 Bad Request';
  // ws takes 8 too, a draft whose browsers say their origin in another header.
  if (headers['sec-websocket-version'] !== '13') return '426 Upgrade Required\r\nsec-websocket-version: 13';
  return null;
}
