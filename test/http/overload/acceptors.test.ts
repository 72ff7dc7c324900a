import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAcceptors, type AcceptorOptions } from '../../../src/http/overload/acceptors.ts';
import { startGateway } from '../../support/gateway.ts';
import { holdQueries } from '../../support/hold.ts';

const options: AcceptorOptions = { count: 7, backlog: 1_024, maxConnections: 1_000 };

async function startServer(
  more: Partial<AcceptorOptions> = {},
  answer = (_request: IncomingMessage, response: ServerResponse): void => void response.end('answered'),
) {
  const server = createServer(answer);
  const acceptors = createAcceptors(server, { ...options, ...more });
  await once(server.listen(0, '127.0.0.1', options.backlog), 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await acceptors.close();
  });
  return { server, acceptors, port: (server.address() as AddressInfo).port };
}

function openConnections(port: number, count: number): Socket[] {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  return sockets;
}

function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

/** Returns the maximum number of waiting connections that are accepted in one turn of the event loop. */
async function acceptedInOneTurn(server: Server, port: number): Promise<number> {
  const count = 64;
  let [accepted, most] = [0, 0];
  server.on('connection', () => (accepted += 1));
  openConnections(port, count);
  // The sockets connect after this turn. The kernel completes the handshakes while the loop is blocked.
  await turn();
  block(100);
  for (let before = 0; before < count; before = accepted) {
    await turn();
    most = Math.max(most, accepted - before);
  }
  return most;
}

describe('additional handles of a listening socket', () => {
  test('accept several connections in one turn of the event loop', async () => {
    const { server, acceptors, port } = await startServer();
    expect(await acceptors.add()).toBe(options.count);
    expect(await acceptedInOneTurn(server, port)).toBe(1 + options.count);
  });

  test('pass their connections to the server, which answers them', async () => {
    const { acceptors, port } = await startServer();
    await acceptors.add();
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()),
    );
    expect(new Set(answers)).toEqual(new Set(['answered']));
  });

  test("share the connection limit with the server's own handle", async () => {
    const { server, acceptors, port } = await startServer({ maxConnections: 10 });
    await acceptors.add();
    const accepted = new Set<Socket>();
    let most = 0;
    server.on('connection', (socket) => {
      most = Math.max(most, accepted.add(socket).size);
      socket.once('close', () => accepted.delete(socket));
    });
    const sockets = openConnections(port, 60);
    await expect.poll(() => sockets.filter(({ closed }) => closed).length).toBe(50);
    expect(most).toBe(10);
    sockets.forEach((socket) => socket.destroy());
    await expect.poll(() => accepted.size).toBe(0);
    // The closed connections no longer count.
    const later = openConnections(port, 10);
    await expect.poll(() => accepted.size).toBe(10);
    expect(later.filter(({ closed }) => closed)).toEqual([]);
  });

  test('leave no connection for the server when they hold as many as the limit allows', async () => {
    const { server, acceptors, port } = await startServer({ maxConnections: 10 });
    await acceptors.add();
    const kept = new Set<Socket>();
    let filling = true;
    server.on('connection', (socket: Socket & { _server?: Server }) => {
      if (filling && socket._server === server) return void socket.destroy();
      kept.add(socket);
      socket.once('close', () => kept.delete(socket));
    });
    // A single connection goes to the server's own handle. Of many at once, each handle accepts some.
    while (kept.size < 10) {
      openConnections(port, 20);
      await turn();
      block(20);
      await turn();
      await turn();
    }
    filling = false;
    const later = openConnections(port, 60);
    await expect.poll(() => later.filter(({ closed }) => closed).length).toBe(60);
    expect(await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))).toBe(0);
  });

  test('accept nothing after close is called, and are closed when the last response has been sent', async () => {
    const held: ServerResponse[] = [];
    const { server, acceptors, port } = await startServer({}, (_request, response) => void held.push(response));
    await acceptors.add();
    const answers = Array.from({ length: 40 }, async () =>
      (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text(),
    );
    await expect.poll(() => held.length).toBe(40);
    server.close();
    let closed = false;
    const closing = acceptors.close().then(() => (closed = true));
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    expect(closed).toBe(false);
    held.forEach((response) => response.end('late'));
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['late']));
    await closing;
  });

  test('are closed too if the server closes while they are being created', async () => {
    const { server, acceptors, port } = await startServer();
    const adding = acceptors.add();
    server.close();
    await acceptors.close();
    expect(await adding).toBeLessThan(options.count);
    expect(await acceptors.add()).toBe(0);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  test('are not created if no child process can be started, and the server continues', async () => {
    const { acceptors, port } = await startServer();
    const { execPath } = process;
    process.execPath = '/nowhere/node';
    onTestFinished(() => void (process.execPath = execPath));
    await expect(acceptors.add()).rejects.toThrow('ENOENT');
    process.execPath = '/bin/false';
    await expect(acceptors.add()).rejects.toThrow();
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('answered');
    process.execPath = execPath;
    expect(await acceptors.add()).toBe(options.count);
  });
});

/** Counts the descriptors of this process for the socket that listens on the port. */
function listeningDescriptors(port: number): number {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  const listening = readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((fields) => fields[1]?.endsWith(`:${hexadecimal}`) && fields[3] === '0A');
  const links = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return null;
    }
  });
  return links.filter((link) => link === `socket:[${listening?.[9]}]`).length;
}

test.runIf(process.platform === 'linux')(
  'a gateway whose event loop is busy accepts connections on four handles',
  async () => {
    const gateway = await startGateway({});
    const port = Number(new URL(gateway.url).port);
    expect(listeningDescriptors(port)).toBeGreaterThanOrEqual(1);
    await expect
      .poll(() => {
        block(500);
        return listeningDescriptors(port);
      })
      .toBe(4);
    await gateway.stop();
  },
);

test('queries on connections of additional handles are answered during shutdown', async () => {
  const gateway = await startGateway({ DRAIN_SECONDS: '60', READ_WAIT_SECONDS: '60', OPERATION_TIMEOUT_SECONDS: '60' });
  const port = Number(new URL(gateway.url).port);
  await expect.poll(() => (block(500), listeningDescriptors(port))).toBe(4);
  const jobs = await holdQueries(gateway.databaseUrl, 'jobs');
  // More than can run at once: most of them wait for a slot and reach Apollo only after the shutdown has begun.
  const answers = Array.from({ length: 40 }, () => gateway.client.request('{ motionJobs(first: 1) { nodes { id } } }'));
  await turn();
  block(200);
  const { admission } = gateway.live;
  await expect.poll(() => admission.figures().running + admission.figures().waiting).toBe(answers.length);
  const stopping = gateway.stop();
  await jobs.release();
  for (const { data } of await Promise.all(answers)) expect(data).toEqual({ motionJobs: { nodes: [] } });
  await stopping;
});
