/** A WebSocket opening handshake and its answer. */
import { WebSocket, type ClientOptions } from 'ws';

interface UpgradeAnswer {
  /** 101 if a socket was opened; the socket is closed immediately. */
  readonly status: number;
  readonly body: string;
}

export async function upgrade(
  url: string,
  options: ClientOptions = {},
  protocols: string[] = ['graphql-transport-ws'],
  path = '/graphql',
): Promise<UpgradeAnswer> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`, protocols, options);
  socket.on('error', () => undefined);
  try {
    return await new Promise((resolve, reject) => {
      socket.once('open', () => resolve({ status: 101, body: '' }));
      socket.once('unexpected-response', (_request, response) => {
        let body = '';
        response
          .setEncoding('utf8')
          .on('data', (chunk: string) => (body += chunk))
          .on('end', () => resolve({ status: response.statusCode!, body }));
      });
      socket.once('error', reject);
    });
  } finally {
    socket.terminate();
  }
}
