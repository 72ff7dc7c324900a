/** Ports for servers that are killed and come back on the same one. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take ports for outgoing connections: one of those could sit on it while the server
 * is away.
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
