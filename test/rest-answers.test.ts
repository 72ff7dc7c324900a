/** Whether an answer arrived, by the orders of events on real connections: raw TCP clients, and TLS-terminating proxies in between. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, Socket, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createFollowAnswer, type WatchTimes } from '../src/http/rest/answer-watch.ts';
import { TEST_CERTIFICATE, TEST_KEY } from './support/tls.ts';

/** More than the buffers of two sockets take. */
const LARGE = Buffer.alloc(64 * 1_024 * 1_024);
/** Longer than a test takes: what is decided was not decided by the clock. */
const NEVER = 600_000;
/** A reset on one machine comes back at once. */
const SHORT: WatchTimes = { closeMs: 300, resetMs: NEVER };

const connectionHeaders = ['close', 'keep-alive'] as const;

async function listen(server: { listen(port: number, host: string): unknown; address(): unknown } & NodeJS.EventEmitter): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const requestText = (headers: readonly string[] = [], version = '1.1'): string => ['POST / HTTP/' + version, 'host: a', 'content-length: 0', ...headers, '', ''].join('\r\n');

async function start(times: WatchTimes = SHORT) {
  const ends: string[] = [];
  const server: Server = createServer();
  const followAnswer = createFollowAnswer(server, { ended: (_jobId, state) => void ends.push(state), stopConfirming: () => void ends.push('closing') }, times);
  const answers: ((response: ServerResponse) => void)[] = [];
  server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    const answer = answers.shift();
    if (!answer) return void response.end('not followed');
    followAnswer('a job', response, new AbortController().signal);
    answer(response);
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });

  async function open({ reads = true, allowHalfOpen = false } = {}): Promise<Socket> {
    // One that never reads leaves the answer in its kernel.
    const client = new Socket({ allowHalfOpen });
    client.on('error', () => undefined);
    if (!reads) client.pause();
    client.connect(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    await once(client, 'connect');
    return client;
  }
  return {
    ends,
    server,
    port,
    open,
    next: (answer: (response: ServerResponse) => void) => void answers.push(answer),
    /** Resolves with a client that has sent a request, which is answered so. */
    async ask(answer: (response: ServerResponse, client: Socket) => void, headers: readonly string[] = [], options = {}): Promise<Socket> {
      const client = await open(options);
      answers.push((response) => answer(response, client));
      client.write(requestText(headers));
      return client;
    },
  };
}

const verdicts = (ends: readonly string[]): string[] => ends.filter((end) => end !== 'closing');
const becomes = (ends: readonly string[], expected: readonly string[]) => expect.poll(() => ends, { timeout: 10_000 }).toEqual(expected);

describe.each(connectionHeaders)('with "connection: %s" the answer', (connection) => {
  const headers = [`connection: ${connection}`];

  test('arrived when the client closes after it has read it', async () => {
    const { ends, ask } = await start();
    const client = await ask((response) => void response.end('yes'), headers);
    await once(client, 'data');
    client.destroy();
    await becomes(ends, ['closing', 'ANSWERED']);
  });

  test('did not arrive when the client closes in the moment in which it is written', async () => {
    const { ends, ask } = await start();
    // Both ends are in this process: the FIN is there when the answer is written, and the server has not heard of it.
    await ask((response, client) => {
      client.destroy();
      response.end('yes');
    }, headers);
    await becomes(ends, ['closing', 'UNANSWERED']);
  });

  test('did not arrive when the client resets in the moment in which it is written', async () => {
    const { ends, ask } = await start();
    await ask((response, client) => {
      response.end('yes');
      client.resetAndDestroy();
    }, headers);
    await becomes(ends, ['UNANSWERED']);
  });

  test('did not arrive when the client closes and has not read it', async () => {
    const { ends, ask } = await start();
    let written = false;
    const client = await ask((response) => void response.once('close', () => (written = true)).end('yes'), headers, { reads: false });
    await expect.poll(() => written).toBe(true);
    client.destroy();
    await becomes(ends, ['UNANSWERED']);
  });

  test('did not arrive when the client half-closed before it', async () => {
    const { ends, ask } = await start();
    await ask((response, client) => {
      client.end();
      setTimeout(() => response.end('yes'), 50);
    }, headers);
    await becomes(ends, ['UNANSWERED']);
  });

  test('counts as received when the client keeps the connection open for long enough', async () => {
    const { ends, ask } = await start({ closeMs: 20, resetMs: 40 });
    (await ask((response) => void response.end('yes'), headers)).on('end', () => undefined);
    await becomes(ends, ['ANSWERED']);
  });

  test('did not arrive when the client resets later and has not read it', async () => {
    const { ends, ask } = await start({ closeMs: 1, resetMs: NEVER });
    const client = await ask((response) => void response.end('yes'), headers, { reads: false });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ends).toEqual([]);
    client.destroy();
    await becomes(ends, ['UNANSWERED']);
  });

  test('is in doubt when the gateway closes before anything shows', async () => {
    const { ends, ask, server } = await start({ closeMs: NEVER, resetMs: NEVER });
    const client = await ask((response) => void response.end('yes'), headers);
    await once(client, 'data');
    server.closeAllConnections();
    await becomes(ends, ['DOUBTFUL']);
  });

  test('arrived when the gateway closes after the client had the time to reset', async () => {
    const { ends, ask, server } = await start({ closeMs: 1, resetMs: NEVER });
    const client = await ask((response) => void response.end('yes'), headers, { allowHalfOpen: true });
    await once(client, 'data');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ends).toEqual([]);
    server.closeAllConnections();
    await becomes(ends, ['ANSWERED']);
  });

  test.each([200, 403])('%i of which a part was written when the connection broke did not arrive', async (status) => {
    const { ends, ask } = await start();
    const client = await ask((response) => void response.writeHead(status).end(LARGE), headers);
    await once(client, 'data');
    client.pause();
    expect(ends).toEqual([]);
    client.destroy();
    await becomes(ends, ['UNANSWERED']);
  });

  test('that the gateway cut off did not arrive', async () => {
    const { ends, ask, server } = await start();
    const client = await ask((response) => void response.writeHead(200).end(LARGE), headers);
    await once(client, 'data');
    client.pause();
    server.closeAllConnections();
    await becomes(ends, ['UNANSWERED']);
  });

  test.each([500, 502, 504])('%i counts as none, however it was read', async (status) => {
    const { ends, ask } = await start();
    (await ask((response) => void response.writeHead(status).end('no'), headers)).resume();
    await becomes(ends, ['UNANSWERED']);
  });

  test.each(['x-forwarded-for: 192.0.2.1', 'via: 1.1 edge', 'forwarded: for=192.0.2.1'])('to a proxy (%s) did not arrive when the proxy resets, and is in doubt otherwise', async (header) => {
    const { ends, ask } = await start();
    const reset = await ask((response) => void response.end('yes'), [...headers, header]);
    await once(reset, 'data');
    expect(ends).toEqual(['closing']);
    reset.resetAndDestroy();
    await becomes(ends, ['closing', 'UNANSWERED']);
    const closed = await ask((response) => void response.end('yes'), [...headers, header]);
    await once(closed, 'data');
    closed.destroy();
    await becomes(ends, ['closing', 'UNANSWERED', 'closing', 'closing', 'DOUBTFUL']);
    const open = await ask((response) => void response.end('yes'), [...headers, header], { allowHalfOpen: true });
    await once(open, 'data');
    await becomes(ends, ['closing', 'UNANSWERED', 'closing', 'closing', 'DOUBTFUL', 'closing', 'DOUBTFUL']);
  });
});

test('a client that waits for the end of the connection gets it, and only then decides', async () => {
  const { ends, ask } = await start({ closeMs: 20, resetMs: NEVER });
  const client = await ask((response) => void response.end('yes'), ['connection: close']);
  client.resume();
  await once(client, 'end');
  await becomes(ends, ['ANSWERED']);
});

test('a request that follows the answer shows that it was read, without any wait; a reset after that says nothing', async () => {
  const { ends, ask } = await start({ closeMs: NEVER, resetMs: NEVER });
  const client = await ask((response) => void response.end('yes'));
  await once(client, 'data');
  client.write(requestText());
  await becomes(ends, ['ANSWERED']);
  client.resetAndDestroy();
  await expect.poll(() => client.closed).toBe(true);
  expect(ends).toEqual(['ANSWERED']);
});

test('a request by the connection of a proxy is anybody’s and shows nothing, but a reset after it is not about the first answer', async () => {
  const { ends, ask } = await start({ closeMs: NEVER, resetMs: NEVER });
  const client = await ask((response) => void response.end('yes'), ['x-real-ip: 192.0.2.1']);
  await once(client, 'data');
  client.write(requestText(['x-real-ip: 192.0.2.2']));
  await once(client, 'data');
  client.resetAndDestroy();
  await expect.poll(() => client.closed).toBe(true);
  expect(ends).toEqual(['closing', 'DOUBTFUL']);
});

describe('a client that pipelines', () => {
  async function pipelined(times: WatchTimes) {
    const stage = await start(times);
    const client = await stage.open();
    const held: ServerResponse[] = [];
    stage.next((response) => void held.push(response));
    stage.next((response) => void held.push(response));
    client.write(requestText() + requestText());
    await expect.poll(() => held.length).toBe(2);
    return { ...stage, client, held };
  }

  test('shows nothing by another request: its answers count as unread until it closes', async () => {
    const { ends, client, held } = await pipelined({ closeMs: NEVER, resetMs: NEVER });
    for (const response of held) response.end('yes');
    await expect.poll(() => held.every(({ closed }) => closed)).toBe(true);
    client.write(requestText());
    await once(client, 'data');
    expect(ends).toEqual([]);
    client.resetAndDestroy();
    await becomes(ends, ['UNANSWERED', 'UNANSWERED']);
  });

  test('has its other request ended by its FIN, and the answer before it is in doubt', async () => {
    const { ends, client, held } = await pipelined({ closeMs: NEVER, resetMs: NEVER });
    held[0]!.end('yes');
    await once(client, 'data');
    client.end();
    await expect.poll(() => ends.toSorted()).toEqual(['DOUBTFUL', 'UNANSWERED', 'closing']);
  });

  test('has read the first answer of several when it kept the connection open', async () => {
    const { ends, held } = await pipelined({ closeMs: 20, resetMs: 40 });
    for (const response of held) response.end('yes');
    await becomes(ends, ['ANSWERED', 'ANSWERED']);
  });
});

test('a connection whose client vanished is noticed by TCP keep-alive', { skip: process.platform !== 'linux' }, async () => {
  const { ask, port } = await start();
  let held: ServerResponse | undefined;
  const client = await ask((response) => void (held = response));
  await expect.poll(() => held).toBeDefined();
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, '0');
  const table = execFileSync('cat', ['/proc/self/net/tcp'], { encoding: 'utf8' });
  const [, , , , , timer] = table.split('\n').map((line) => line.trim().split(/\s+/)).find(([, local, remote]) => local?.endsWith(`:${hex(port)}`) && remote?.endsWith(`:${hex(client.localPort!)}`))!;
  // Kind 2 is the keep-alive timer; the rest is when it fires, in hundredths of a second.
  expect(timer!.split(':')[0]).toBe('02');
  expect(Number.parseInt(timer!.split(':')[1]!, 16)).toBeLessThanOrEqual(3_000);
});

describe('through a proxy that terminates TLS', () => {
  const tls = { key: TEST_KEY, cert: TEST_CERTIFICATE };

  /** Passes bytes and ends on, and knows nothing of HTTP. */
  async function forwardBytes(target: number): Promise<number> {
    const proxy = createTlsServer({ ...tls, allowHalfOpen: true }, (client) => {
      const behind = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
      for (const [from, to] of [[client, behind], [behind, client]] as const) from.on('error', () => to.destroy()).on('close', () => to.destroy()).pipe(to);
    });
    onTestFinished(() => void proxy.close());
    return listen(proxy);
  }

  /** Takes the whole answer before it passes it on, as nginx does, and says that it is a proxy. */
  async function forwardRequests(target: number, keepAlive: boolean, took: () => unknown): Promise<number> {
    const agent = keepAlive ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    const proxy = createHttpsServer(tls, (request, response) => {
      const headers = { 'content-length': '0', 'x-forwarded-for': '192.0.2.1' };
      const behind = httpRequest({ port: target, method: 'POST', agent, headers }, (answer) => {
        answer.setEncoding('utf8').on('data', () => undefined).on('end', () => (took(), response.destroyed || response.end('yes')));
      });
      behind.on('error', () => response.destroy());
      response.on('close', () => response.writableFinished || behind.destroy());
      behind.end();
    });
    onTestFinished(() => {
      if (agent) agent.destroy();
      proxy.closeAllConnections();
      proxy.close();
    });
    return listen(proxy);
  }

  async function client(port: number) {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  }

  test('that passes bytes on, the client shows itself: it closes before the answer, or after it has read it', async () => {
    const { ends, port, next } = await start();
    const proxy = await forwardBytes(port);
    next(() => undefined);
    const first = await client(proxy);
    first.write(requestText());
    await new Promise((resolve) => setTimeout(resolve, 50));
    first.destroy();
    await becomes(ends, ['UNANSWERED']);
    next((response) => void response.end('yes'));
    const second = await client(proxy);
    second.write(requestText());
    await once(second, 'data');
    second.end();
    await becomes(ends, ['UNANSWERED', 'closing', 'ANSWERED']);
  });

  test.each([true, false])('that passes requests on (keep-alive %s), a client that hangs up before the answer shows, and every answer that the proxy took is in doubt', async (keepAlive) => {
    const { ends, port, next } = await start();
    let onTaken = (): unknown => undefined;
    const proxy = await forwardRequests(port, keepAlive, () => onTaken());
    let held: ServerResponse | undefined;
    next((response) => void (held = response));
    const gone = await client(proxy);
    gone.write(requestText());
    await expect.poll(() => held).toBeDefined();
    gone.destroy();
    await becomes(ends, ['UNANSWERED']);
    next((response) => void response.end('yes'));
    const there = await client(proxy);
    there.write(requestText());
    await once(there, 'data');
    // This client hangs up when the proxy has the answer and has not passed it on, and nothing shows it.
    next((response) => void response.end('yes'));
    const lost = await client(proxy);
    onTaken = () => lost.destroy();
    let read = false;
    lost.on('data', () => (read = true)).write(requestText());
    await expect.poll(() => verdicts(ends), { timeout: 10_000 }).toEqual(['UNANSWERED', 'DOUBTFUL', 'DOUBTFUL']);
    await expect.poll(() => lost.closed).toBe(true);
    expect(read).toBe(false);
  });
});

const nginx = findNginx();

describe('through nginx', { skip: nginx === null }, () => {
  async function startNginx(target: number, more = ''): Promise<number> {
    const folder = mkdtempSync(join(tmpdir(), 'answers-nginx-'));
    const probe = createServer();
    const port = await listen(probe);
    probe.close();
    writeFileSync(join(folder, 'key.pem'), TEST_KEY);
    writeFileSync(join(folder, 'cert.pem'), TEST_CERTIFICATE);
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
    writeFileSync(join(folder, 'nginx.conf'), `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
      events {}
      http { access_log off; ${temp}
        upstream gateway { server 127.0.0.1:${target}; keepalive 1; }
        server { listen 127.0.0.1:${port} ssl; ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem; location / { proxy_pass http://gateway; ${more} } } }`);
    const child = spawn(nginx!, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'inherit'] });
    onTestFinished(async () => {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    });
    await expect.poll(() => new Promise((resolve) => connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false)))).toBe(true);
    return port;
  }

  test.each([
    ['as it is set up by default', ''],
    ['with connections that are kept', 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr;'],
  ])('%s a client that hangs up before the answer shows, and an answer that nginx took is in doubt', async (_name, more) => {
    const { ends, port, next } = await start();
    const proxy = await startNginx(port, more);
    const ask = async () => {
      const socket = connectTls({ port: proxy, host: '127.0.0.1', rejectUnauthorized: false });
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      await once(socket, 'secureConnect');
      socket.write(requestText());
      return socket;
    };
    let held: ServerResponse | undefined;
    next((response) => void (held = response));
    const gone = await ask();
    await expect.poll(() => held).toBeDefined();
    gone.destroy();
    await becomes(ends, ['UNANSWERED']);
    next((response) => void response.end('yes'));
    await once(await ask(), 'data');
    await expect.poll(() => verdicts(ends), { timeout: 10_000 }).toEqual(['UNANSWERED', 'DOUBTFUL']);
  });
});

function findNginx(): string | null {
  for (const path of ['nginx', '/usr/sbin/nginx']) {
    try {
      execFileSync(path, ['-v'], { stdio: 'ignore' });
      return path;
    } catch {
      // Not there.
    }
  }
  return null;
}
