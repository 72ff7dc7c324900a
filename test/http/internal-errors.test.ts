/** Tests that faults of our own code in the HTTP and WebSocket layers stay contained. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { buildSchema } from 'graphql';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createAdmission } from '../../src/http/overload/admission.ts';
import { registerCallbacks } from '../../src/http/callback-route.ts';
import { startSockets } from '../../src/http/websocket/graphql-ws.ts';
import type { SocketOptions } from '../../src/http/websocket/socket-options.ts';
import { startLoad } from '../../src/http/overload/load.ts';
import { createMaskError } from '../../src/http/graphql/mask-errors.ts';
import { openSocket, subscribe } from '../support/socket.ts';

const broken = (): never => {
  throw new Error('a bug');
};
const log = pino({ level: 'silent' });

test('a callback on which the decoder throws is passed on as undecodable', async () => {
  const app = Fastify();
  onTestFinished(() => app.close());
  const received: object[] = [];
  await registerCallbacks(
    app,
    { path: '/callbacks', verify: (jobId) => ({ jobId, attempt: 1 }), decode: broken, redact: (body) => body },
    (callback) => {
      received.push(callback);
      return Promise.resolve(true);
    },
    100,
  );
  const { statusCode } = await app.inject({ method: 'POST', url: '/callbacks/a/b', payload: 'a body' });
  expect(statusCode).toBe(200);
  expect(received).toEqual([
    expect.objectContaining({
      jobId: 'a',
      attempt: 1,
      claim: { taskId: null, outcome: null, odd: 'undecodable' },
      body: 'a body',
    }),
  ]);
});

test('a subscription that fails to start gets an error, and its socket stays open', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const load = startLoad({ maxEventLoopDelayMs: 60_000, maxDatabaseWaitMs: 60_000 }, () => 0);
  onTestFinished(load.stop);
  const options: Partial<SocketOptions> = {
    admission: createAdmission(
      load,
      { maxRunning: 10, maxWaiting: 10, waitMs: { submit: 60_000, read: 60_000, handshake: 60_000 } },
      60_000,
    ),
    path: '/graphql',
    schema: buildSchema('type Query { a: Int } type Subscription { a: Int }'),
    authenticate: () =>
      Promise.resolve({
        kind: 'key',
        accountId: 'a',
        scopes: [],
        jobIds: null,
        keyId: 'k',
        epoch: null,
        expiresAt: null,
      }),
    checkDocument: broken,
    maskError: createMaskError(log, false),
    log,
    maxTokens: 100,
    cores: { jobs: {}, accounts: {}, webhooks: {} } as SocketOptions['cores'],
    maxMessageBytes: 1_000,
    maxSubscriptionsPerSocket: 10,
    initWaitMs: 5_000,
    recheckMs: 60_000,
    findEnded: () => Promise.resolve(new Map()),
    origins: { allowsAny: false, allows: () => false },
    logRefusal: () => undefined,
    playground: false,
    pingMs: 60_000,
    maxBufferedBytes: 1_000_000,
    maxUnsentMs: 60_000,
    messagesPerSecond: 100,
    stopSpreadMs: 0,
    quotas: { maxPerAddress: 10, maxPerKey: 10, maxSubscriptionsPerKey: 10 },
    trustProxy: null,
    isOurHost: () => true,
  };
  const sockets = startSockets(server, options as SocketOptions);
  onTestFinished(async () => {
    await sockets.stop();
    server.close();
  });
  const socket = await openSocket({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: 'k' });
  socket.send(subscribe('1', 'subscription { a }'));
  expect(await socket.next()).toMatchObject({
    type: 'error',
    id: '1',
    payload: [{ message: 'Internal error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
  });
  socket.send({ type: 'ping' });
  expect(await socket.next()).toEqual({ type: 'pong' });
});
