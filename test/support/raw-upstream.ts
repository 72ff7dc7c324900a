/** A socket-level upstream: the test decides how it handles each request. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { onEnd } from './on-end.ts';

export interface RawUpstream {
  readonly url: string;
  /** The complete requests received so far, as text. */
  readonly requests: string[];
}

/** Starts the upstream; it calls `answer` with each complete request and the socket that the request arrived on. */
export async function startRawUpstream(answer: (socket: Socket, request: string) => void): Promise<RawUpstream> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
      const [head = '', body] = text.split('\r\n\r\n');
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (body === undefined || Buffer.byteLength(body) < length) return;
      requests.push(text);
      answer(socket, text);
      text = '';
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Returns a complete HTTP response. */
export function httpAnswer(status: number, body: string, contentType = 'application/json'): string {
  return `HTTP/1.1 ${status} X\r\ncontent-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}
