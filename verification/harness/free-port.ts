/** Finds ports for servers that are killed and restarted on the same port. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * The range is below the ephemeral ports of outgoing connections, one of which could otherwise occupy the port while
 * the server is down.
 */
const FIRST = 21_000;
const LAST = 31_000;

export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(true)).listen(port, '127.0.0.1', () => resolve(false));
    });
    if (taken) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
