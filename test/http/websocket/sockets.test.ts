import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { shared } from '../../support/on-end.ts';
import { openSocket, subscribe, WATCH, type OpenSocket } from '../../support/socket.ts';

async function startQueueing(overrides: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  return { upstream, ...(await startGateway({ ...upstream.settings, ...overrides })) };
}

/** Gateway for tests that take submits. Each test answers the submits that it causes. */
const submitting = shared(() => startQueueing());
/** Gateway for tests that take no submits. */
const queueing = shared(() => startQueueing({ MAX_SUBSCRIPTIONS_PER_SOCKET: '2' }));
const patient = shared(() => startQueueing({ SOCKET_INIT_SECONDS: '60', INTROSPECTION: 'off' }));
const impatient = shared(() => startQueueing({ SOCKET_INIT_SECONDS: '0.2', CORS_ORIGINS: 'https://app.example.com' }));

describe('a subscription', () => {
  test('starts with the current state, skips versions that the client has, and completes if a terminal state is not newer', async () => {
    const { client, upstream } = submitting();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    const [first] = [await client.watch(job.id).next()];
    expect(first.value).toMatchObject({ data: { jobUpdated: { id: job.id, state: 'SUBMITTING', version: 2 } } });

    const waiting = client.watch(job.id, 2).next();
    submit.answer(200, { task_id: randomUUID() });
    expect((await waiting).value).toMatchObject({ data: { jobUpdated: { state: 'PROCESSING', version: 3 } } });

    const other = await client.generate();
    (await upstream.nextSubmit()).answer(403, { error: { code: 'forbidden', message: 'no' } });
    const { version } = await client.untilEnd(other.id);
    expect(await client.watch(other.id, version).next()).toMatchObject({ done: true });
    expect((await client.watch(other.id, version - 1).next()).value).toMatchObject({
      data: { jobUpdated: { state: 'FAILED', version } },
    });
  });

  test('to an unknown job or an invalid id gets NOT_FOUND, and the socket stays open', async () => {
    const gateway = queueing();
    const { send, next } = await openSocket(gateway);
    for (const id of [randomUUID(), 'nonsense']) {
      send(subscribe('1', WATCH, { id }));
      expect(await next()).toMatchObject({
        id: '1',
        type: 'next',
        payload: { errors: [{ message: 'There is no such job.', extensions: { code: 'NOT_FOUND' } }] },
      });
      expect(await next()).toEqual({ id: '1', type: 'complete' });
    }
  });

  test('ends when the client completes it or disconnects', async () => {
    const gateway = queueing();
    const { id } = await gateway.client.generate();
    const { send, next, socket } = await openSocket(gateway);
    for (const name of ['1', '2']) {
      send(subscribe(name, WATCH, { id, after: 1000 }));
      await expect.poll(() => gateway.live.watchers()).toBe(Number(name));
    }
    send({ id: '1', type: 'complete' });
    await expect.poll(() => gateway.live.watchers()).toBe(1);
    socket.terminate();
    await expect.poll(() => gateway.live.watchers()).toBe(0);
    void next;
  });
});

test('a message may begin with one byte order mark, but not with two', async () => {
  const gateway = queueing();
  const { send, next, closed } = await openSocket(gateway, { init: false });
  send(`\ufeff${JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${gateway.apiKey}` } })}`);
  expect(await next()).toEqual({ type: 'connection_ack' });
  send(`\ufeff${JSON.stringify({ type: 'ping' })}`);
  expect(await next()).toEqual({ type: 'pong' });
  send(`\ufeff\ufeff${JSON.stringify({ type: 'ping' })}`);
  expect(await closed).toBe(4400);
});

test('a subscription to a job id in uppercase receives updates until the job ends', async () => {
  const { client, upstream } = submitting();
  const job = await client.generate();
  const submit = await upstream.nextSubmit();
  const end = client.untilEnd(job.id.toUpperCase());
  submit.answer(403, { error: { code: 'forbidden', message: 'no' } });
  expect(await end).toMatchObject({ id: job.id, state: 'FAILED' });
});

describe('a socket', () => {
  test.each([true, false])(
    'that sends messages and does not read is disconnected (authenticated: %s)',
    async (init) => {
      const gateway = patient();
      const { socket, send } = await openSocket(gateway, { init });
      (socket as unknown as { _socket: Socket })._socket.pause();
      const flood = setInterval(() => send({ type: 'ping', payload: { text: 'x'.repeat(60_000) } }), 1);
      await expect.poll(() => gateway.live.sockets()).toBe(0);
      clearInterval(flood);
    },
  );

  test('that is rejected and keeps its half open does not prevent the gateway from stopping', async () => {
    const gateway = await startQueueing();
    const half = connect({ port: Number(new URL(gateway.url).port), host: '127.0.0.1', allowHalfOpen: true });
    half.on('error', () => undefined);
    half.write(
      'GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n',
    );
    const [answer] = (await once(half, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 /);
    await gateway.stop();
    half.destroy();
  });

  test('suggests no schema names if introspection is off', async () => {
    const { send, next } = await openSocket(patient());
    send(subscribe('1', 'subscription { jobUpdated(id: "a") { stat } }'));
    const answer = JSON.stringify(await next());
    expect(answer).toContain('Cannot query field');
    expect(answer).not.toContain('Did you mean');
  });

  test.each([
    ['a query', '{ motionJobs { nodes { id } } }', 'SUBSCRIPTIONS_ONLY'],
    ['a mutation', 'mutation { cancelMotionJob(input: { id: "a" }) { job { id } } }', 'SUBSCRIPTIONS_ONLY'],
    ['introspection', '{ __schema { types { name } } }', 'SUBSCRIPTIONS_ONLY'],
    ['a document that is not GraphQL', 'subscription {', 'GRAPHQL_PARSE_FAILED'],
    ['a field that does not exist', 'subscription { nope }', 'GRAPHQL_VALIDATION_FAILED'],
    ['a document without an operation', 'fragment F on MotionJob { id }', 'GRAPHQL_VALIDATION_FAILED'],
    ['too many tokens', `subscription { jobUpdated(id: "a") { ${'id '.repeat(2000)} } }`, 'GRAPHQL_PARSE_FAILED'],
    [
      'too many aliases',
      `subscription { jobUpdated(id: "a") { ${Array.from({ length: 40 }, (_, index) => `a${index}: ${index % 2 ? 'state' : 'version'}`).join(' ')} } }`,
      'OPERATION_TOO_LARGE',
    ],
  ])('answers %s with an error and stays open', async (_name, query, code) => {
    const { send, next } = await openSocket(queueing());
    send(subscribe('1', query));
    const answer = await next();
    expect(answer).toMatchObject({ id: '1', type: 'error', payload: [{ extensions: { code } }] });
    send({ type: 'ping' });
    expect(await next()).toEqual({ type: 'pong' });
  });

  test('rejects subscriptions beyond its limit', async () => {
    const gateway = queueing();
    const { id } = await gateway.client.generate();
    const { send, next } = await openSocket(gateway);
    for (const name of ['1', '2', '3']) send(subscribe(name, WATCH, { id, after: 1000 }));
    expect(await next()).toMatchObject({
      id: '3',
      type: 'error',
      payload: [{ extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } }],
    });
    send({ id: '1', type: 'complete' });
    await expect.poll(() => gateway.live.watchers()).toBe(1);
    send(subscribe('4', WATCH, { id, after: 1000 }));
    await expect.poll(() => gateway.live.watchers()).toBe(2);
  });

  test('with a missing or wrong key is closed with 4403, after which clients reconnect', async () => {
    const gateway = queueing();
    for (const payload of [undefined, {}, { authorization: 'Bearer wrong' }, { authorization: { toString: 1 } }]) {
      const { send, closed } = await openSocket(gateway, { init: false });
      send({ type: 'connection_init', ...(payload && { payload }) });
      expect(await closed).toBe(4403);
    }
  });

  test.each<[string, number, (socket: OpenSocket) => void]>([
    ['subscribes before it is acknowledged', 4401, ({ send }) => send(subscribe('1', WATCH, { id: 'a' }))],
    ['never sends connection_init', 4408, () => undefined],
    ['sends a message that is not JSON', 4400, ({ send }) => send('nonsense')],
    ['sends a frame over the limit', 1009, ({ send }) => send('x'.repeat(70_000))],
  ])('that %s is closed with %i', async (_name, code, act) => {
    const socket = await openSocket(impatient(), { init: false });
    act(socket);
    expect(await socket.closed).toBe(code);
  });

  test('from a foreign page or on another path is not opened', async () => {
    const gateway = impatient();
    const statusOf = async (path: string, options: ClientOptions) => {
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', options);
      const status = await new Promise<number>((resolve) => {
        socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
        socket.once('open', () => resolve(101));
        socket.on('error', () => undefined);
      });
      socket.terminate();
      return status;
    };
    expect(await statusOf('/graphql', { origin: 'https://evil.example.com' })).toBe(403);
    expect(await statusOf('/elsewhere', {})).toBe(404);
    expect(await statusOf('/graphql', { origin: 'https://app.example.com' })).toBe(101);
    expect(await statusOf('/graphql', { origin: gateway.url })).toBe(101);
    await expect.poll(() => gateway.live.sockets()).toBe(0);
  });

  test('is closed with 1001 when the gateway stops', async () => {
    const gateway = await startQueueing();
    const { id } = await gateway.client.generate();
    const { send, closed } = await openSocket(gateway);
    send(subscribe('1', WATCH, { id, after: 1000 }));
    await expect.poll(() => gateway.live.watchers()).toBe(1);
    await Promise.all([gateway.stop(), expect(closed).resolves.toBe(1001)]);
  });
});
