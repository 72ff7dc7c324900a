/** Connections whose server fails or is slow during the handshake. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { closePool, createConnections } from '../../../src/db/connection/client.ts';
import { withTransaction } from '../../../src/db/connection/transaction.ts';
import { createDatabase } from '../../support/database.ts';

/** Encodes a message of PostgreSQL's protocol: https://www.postgresql.org/docs/18/protocol-message-formats.html */
function message(type: string, ...fields: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(fields.map((field) => (typeof field === 'string' ? Buffer.from(`${field}\0`) : field)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

const authenticated = message('R', Buffer.alloc(4));
const ready = message('Z', Buffer.from('I'));
const gone = message(
  'E',
  'SFATAL',
  'C57P01',
  'Mterminating connection due to unexpected postmaster exit',
  Buffer.alloc(1),
);

test('a server that is killed at the moment it accepts a connection fails the transaction, but not the process', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    // One chunk: the waiting caller gets the connection, and the connection fails before the caller can add a listener.
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, gone])));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connections = createConnections(
    `postgres://a:b@127.0.0.1:${(server.address() as AddressInfo).port}/c`,
    2,
    () => undefined,
  );
  onTestFinished(async () => {
    await closePool(connections);
    server.close();
  });
  // An error event without a listener fails the test by itself.
  await expect(withTransaction(connections, async () => 'done')).rejects.toThrow();
});

test('a server whose handshake takes longer than any caller waits is still reached', async () => {
  const target = new URL(await createDatabase());
  /** The delay of each answer of the server. A handshake has four answers and takes 2.8 s. */
  const LATE_MS = 700;
  let handshakes = 0;
  const delayed = (from: Socket, to: Socket, ms: number) => {
    from.on('data', (chunk) => void setTimeout(() => to.write(chunk), ms));
    from.on('error', () => undefined).on('close', () => to.destroy());
  };
  const server = createServer((socket) => {
    handshakes += 1;
    const behind = connect(Number(target.port), target.hostname);
    delayed(socket, behind, 0);
    delayed(behind, socket, LATE_MS);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const slow = new URL(target);
  slow.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connections = createConnections(slow.href, 2, () => undefined);
  onTestFinished(async () => {
    await closePool(connections);
    server.close();
  });
  const query = () =>
    connections.pool.query('select 1 as one').then(
      ({ rows }) => rows as unknown[],
      (error: Error) => error.message,
    );
  expect(await query(), 'the handshake takes longer than the caller waits').toBe(
    'timeout exceeded when trying to connect',
  );
  // Its connection is available to a later caller.
  await expect.poll(query).toEqual([{ one: 1 }]);
  expect(handshakes).toBeLessThanOrEqual(2);
});
