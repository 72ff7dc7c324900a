/** Connections whose server dies at the worst moment. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { closePool, createConnections } from '../src/db/client.ts';
import { withTransaction } from '../src/db/transaction.ts';

/** One message of PostgreSQL's protocol: https://www.postgresql.org/docs/18/protocol-message-formats.html */
function message(type: string, ...fields: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(fields.map((field) => (typeof field === 'string' ? Buffer.from(`${field}\0`) : field)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

const authenticated = message('R', Buffer.alloc(4));
const ready = message('Z', Buffer.from('I'));
const gone = message('E', 'SFATAL', 'C57P01', 'Mterminating connection due to unexpected postmaster exit', Buffer.alloc(1));

test('a server that is killed in the instant in which it takes a connection fails the transaction, and not the process', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    // One chunk: whoever waits for the connection gets it, and hears of its end before he can listen.
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, gone])));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connections = createConnections(`postgres://a:b@127.0.0.1:${(server.address() as AddressInfo).port}/c`, 2, () => undefined);
  onTestFinished(async () => {
    await closePool(connections);
    server.close();
  });
  // An error that nobody listens to fails the test by itself.
  await expect(withTransaction(connections, async () => 'done')).rejects.toThrow();
});
