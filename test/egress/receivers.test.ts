/** Receivers that are slow, send too much or break the protocol, on real sockets. `EGRESS_ALLOW` allows loopback. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { programOf } from '../../verification/harness/program.ts';
import { aRequest, egressOf, endOf, startCanary } from '../support/egress.ts';
import { httpAnswer, startRawUpstream } from '../support/raw-upstream.ts';

const LOOPBACK = '127.0.0.0/8';
const SOON_MS = 300;
/** Far below the default limit of a post, 20 s, and far above the delay that a busy machine adds. */
const LATE_MS = 10_000;

/** Writes `text` every 10 ms until the connection ends. */
function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 10);
  socket.once('close', () => clearInterval(timer));
}

describe('a receiver that answers', () => {
  test('gets the request once, and its answer is read', async () => {
    const receiver = await startRawUpstream((socket) => void socket.end(httpAnswer(201, 'thanks')));
    const answer = await egressOf(LOOPBACK).post(`${receiver.url}/hook?a=b`, {
      ...aRequest,
      headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1', Host: 'somewhere.else' },
      body: '{"ü":1}',
    });
    expect(answer).toEqual({
      kind: 'answered',
      httpStatus: 201,
      text: 'thanks',
      ms: expect.any(Number) as number,
      waitedMs: expect.any(Number) as number,
    });
    const [head = '', body] = receiver.requests[0]!.split('\r\n\r\n');
    expect(
      head
        .split('\r\n')
        .map((line) => line.toLowerCase())
        .sort(),
    ).toEqual([
      'connection: close',
      'content-length: 8',
      'content-type: application/json',
      `host: ${new URL(receiver.url).host}`,
      'post /hook?a=b http/1.1',
      'webhook-id: msg_1',
    ]);
    expect(body).toBe('{"ü":1}');
    expect(receiver.requests).toHaveLength(1);
  });

  test.each([200, 204, 400, 404, 410, 429, 500, 503])('with %i has answered', async (status) => {
    const receiver = await startRawUpstream((socket) => void socket.end(httpAnswer(status, '')));
    expect(await egressOf(LOOPBACK).post(receiver.url, aRequest)).toMatchObject({
      kind: 'answered',
      httpStatus: status,
    });
  });

  test.each([301, 302, 303, 307, 308])('with %i does not cause a redirect', async (status) => {
    const canary = await startCanary();
    const receiver = await startRawUpstream(
      (socket) =>
        void socket.end(
          `HTTP/1.1 ${status} X\r\nlocation: http://127.0.0.1:${canary.port}/\r\ncontent-length: 0\r\n\r\n`,
        ),
    );
    expect(await egressOf(LOOPBACK).post(receiver.url, aRequest)).toMatchObject({
      kind: 'answered',
      httpStatus: status,
      text: '',
    });
    expect(canary.connections()).toBe(0);
  });

  test.each<[string, Buffer, string]>([
    ['NUL characters', Buffer.from('a\0b'), 'a\ufffdb'],
    ['bytes that are not text', Buffer.from([0x61, 0xff, 0x62]), 'a\ufffdb'],
    ['a truncated character', Buffer.from('123456789ü'), '123456789'],
    ['a body that claims to be compressed', Buffer.from('not gzip'), 'not gzip'],
  ])('with %s is read as text that can be stored', async (_what, body, text) => {
    const receiver = await startRawUpstream(
      (socket) =>
        void socket.end(
          Buffer.concat([
            Buffer.from(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`),
            body,
          ]),
        ),
    );
    expect(await egressOf(LOOPBACK, { maxAnswerBytes: 10 }).post(receiver.url, aRequest)).toMatchObject({
      httpStatus: 200,
      text,
    });
  });
});

describe('a receiver that is slow', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['and never answers', () => undefined],
    [
      'and sends its headers in small pieces',
      (socket) => (socket.write('HTTP/1.1 200 OK\r\n'), drip(socket, 'x-a: b\r\n')),
    ],
    ['and keeps sending interim responses', (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n')],
  ])('%s times out', async (_how, answer) => {
    const receiver = await startRawUpstream(answer);
    const end = await egressOf(LOOPBACK, { timeoutMs: SOON_MS }).post(receiver.url, aRequest);
    expect(end).toMatchObject({ kind: 'failed', reason: 'TIMED_OUT' });
    expect(end.ms).toBeGreaterThanOrEqual(SOON_MS - 5);
    expect(end.ms).toBeLessThan(LATE_MS);
    expect(receiver.requests).toHaveLength(1);
  });

  test('times out before TLS, and while its name is looked up', async () => {
    const silent = await startRawUpstream(() => undefined);
    expect(
      endOf(await egressOf(LOOPBACK, { timeoutMs: SOON_MS }).post(silent.url.replace('http:', 'https:'), aRequest)),
    ).toBe('TIMED_OUT');
    expect(
      endOf(
        await egressOf('', { timeoutMs: SOON_MS, lookup: () => new Promise(() => undefined) }).post(
          'http://hooks.example.com/',
          aRequest,
        ),
      ),
    ).toBe('TIMED_OUT');
  });

  test('while it sends its body has answered, with the part that was received by then', async () => {
    const receiver = await startRawUpstream(
      (socket) => (socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nfirst'), drip(socket, '.')),
    );
    const end = await egressOf(LOOPBACK, { timeoutMs: SOON_MS }).post(receiver.url, aRequest);
    expect(end).toMatchObject({
      kind: 'answered',
      httpStatus: 200,
      text: expect.stringMatching(/^first\.*$/) as string,
    });
    expect(end.ms).toBeLessThan(LATE_MS);
  });
});

describe('a receiver that sends 10 GB', () => {
  test.each([
    ['of known length', `content-length: ${10 * 2 ** 30}`, 'x'.repeat(65_536)],
    ['in chunks', 'transfer-encoding: chunked', `10000\r\n${'x'.repeat(65_536)}\r\n`],
  ])('%s is cut off after 16 KiB', async (_how, header, piece) => {
    let written = 0;
    const receiver = await startRawUpstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n`);
      const pour = (): void => {
        while (!socket.destroyed && socket.write(piece)) written += piece.length;
        written += piece.length;
      };
      socket.on('drain', pour);
      pour();
    });
    const before = process.memoryUsage().rss;
    const end = await egressOf(LOOPBACK).post(receiver.url, aRequest);
    expect(end).toMatchObject({ kind: 'answered', httpStatus: 200, text: 'x'.repeat(16_384) });
    expect(end.ms).toBeLessThan(LATE_MS);
    // No more than the sockets buffer in both directions.
    expect(written).toBeLessThan(32 * 2 ** 20);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 2 ** 20);
  });

  test('of headers has not answered', async () => {
    const receiver = await startRawUpstream(
      (socket) => (socket.write('HTTP/1.1 200 OK\r\n'), drip(socket, `x-a: ${'b'.repeat(8_192)}\r\n`)),
    );
    expect(endOf(await egressOf(LOOPBACK).post(receiver.url, aRequest))).toBe('RESET');
  });
});

describe('a receiver that disconnects', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['with a reset', (socket) => void socket.resetAndDestroy()],
    ['without an answer', (socket) => void socket.end()],
    ['within the headers', (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-le')],
    ['after bytes that are not HTTP', (socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    [
      'with another protocol',
      (socket) => void socket.end('HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
    ],
  ])('%s has not answered, and the request is not retried', async (_how, answer) => {
    const receiver = await startRawUpstream(answer);
    expect(endOf(await egressOf(LOOPBACK).post(receiver.url, aRequest))).toBe('RESET');
    expect(receiver.requests).toHaveLength(1);
  });

  test('within the body has answered', async () => {
    const receiver = await startRawUpstream(
      (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'),
    );
    expect(await egressOf(LOOPBACK).post(receiver.url, aRequest)).toMatchObject({
      kind: 'answered',
      httpStatus: 200,
      text: 'half',
    });
  });
});

describe('an unreachable receiver', () => {
  test('is reported as not connected if it refuses connections, and as not resolved if its name has no address', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    expect(endOf(await egressOf(LOOPBACK).post(`http://127.0.0.1:${port}/`, aRequest))).toBe('NOT_CONNECTED');
    expect(endOf(await egressOf('', { lookup: async () => [] }).post('http://hooks.example.com/', aRequest))).toBe(
      'NOT_RESOLVED',
    );
    expect(endOf(await egressOf('').post('http://hooks.example.com/', aRequest))).toBe('NOT_RESOLVED');
    // Uses the system's resolver.
    expect(
      endOf(
        await egressOf('no-such-host.invalid', { lookup: undefined }).post('http://no-such-host.invalid/', aRequest),
      ),
    ).toBe('NOT_RESOLVED');
  });
});

describe('a request that cannot be sent', () => {
  test('fails without an exception', async () => {
    const receiver = await startRawUpstream(() => undefined);
    expect(
      await egressOf(LOOPBACK).post(receiver.url, { ...aRequest, headers: { 'bad header': 'a\nb' } }),
    ).toMatchObject({ kind: 'failed', reason: 'RESET' });
    expect(receiver.requests).toEqual([]);
  });
});

describe('connections to one host', () => {
  /** Starts a receiver that answers when the test calls `answerOne`. */
  async function startPatient() {
    const waiting: Socket[] = [];
    const receiver = await startRawUpstream((socket) => void waiting.push(socket));
    return { ...receiver, waiting, answerOne: () => void waiting.shift()!.end(httpAnswer(200, '')) };
  }

  test('are limited, and waiting for one does not reduce the time to answer', async () => {
    const receiver = await startPatient();
    const egress = egressOf(LOOPBACK, { maxConnectionsPerHost: 2 });
    const posts = Array.from({ length: 5 }, () => egress.post(receiver.url, aRequest));
    for (let answered = 0; answered < 5; answered += 1) {
      await expect.poll(() => receiver.waiting.length).toBe(Math.min(2, 5 - answered));
      expect(receiver.requests).toHaveLength(Math.min(5, answered + 2));
      receiver.answerOne();
    }
    const ends = await Promise.all(posts);
    expect(ends.map(endOf)).toEqual(['200', '200', '200', '200', '200']);
    expect(ends[4]!.waitedMs).toBeGreaterThanOrEqual(ends[0]!.ms);
  });

  test('that hang fail neither a request that waits for one nor a request to another host', async () => {
    const slow = await startPatient();
    const egress = egressOf(`${LOOPBACK}, hooks.corp`, {
      maxConnectionsPerHost: 1,
      timeoutMs: 1_000,
      lookup: async () => ['127.0.0.1'],
    });
    const { port } = new URL(slow.url);
    const hanging = egress.post(slow.url, aRequest);
    const behind = egress.post(slow.url, aRequest);
    const other = egress.post(`http://hooks.corp:${port}/`, aRequest);
    await expect.poll(() => slow.waiting.length).toBe(2);
    slow.waiting[1]!.end(httpAnswer(200, ''));
    expect(endOf(await other)).toBe('200');
    expect(endOf(await hanging)).toBe('TIMED_OUT');
    await expect.poll(() => slow.waiting.length).toBe(3);
    slow.waiting[2]!.end(httpAnswer(200, ''));
    expect(endOf(await behind)).toBe('200');
  });

  test('that are all in use for too long make a waiting request fail as BUSY', async () => {
    const receiver = await startPatient();
    const egress = egressOf(LOOPBACK, { maxConnectionsPerHost: 1, timeoutMs: SOON_MS });
    const ends = await Promise.all(Array.from({ length: 4 }, () => egress.post(receiver.url, aRequest)));
    expect(endOf(ends[0]!)).toBe('TIMED_OUT');
    expect(ends[3]).toMatchObject({ kind: 'failed', reason: 'BUSY', ms: 0 });
    expect(ends[3]!.waitedMs).toBeLessThan(LATE_MS);
  });
});

describe('a post that is aborted', () => {
  test('by its caller ends as STOPPED, whether in progress, waiting or not yet started', async () => {
    const receiver = await startRawUpstream(() => undefined);
    const egress = egressOf(LOOPBACK, { maxConnectionsPerHost: 1 });
    const controller = new AbortController();
    const posts = [1, 2].map(() => egress.post(receiver.url, { ...aRequest, signal: controller.signal }));
    await expect.poll(() => receiver.requests.length).toBe(1);
    controller.abort();
    expect((await Promise.all(posts)).map(endOf)).toEqual(['STOPPED', 'STOPPED']);
    expect(endOf(await egress.post(receiver.url, { ...aRequest, signal: AbortSignal.abort() }))).toBe('STOPPED');
    expect(receiver.requests).toHaveLength(1);
  });

  test('by a stop of the egress ends as STOPPED, as does every later one', async () => {
    const receiver = await startRawUpstream(() => undefined);
    const egress = egressOf(LOOPBACK);
    const post = egress.post(receiver.url, aRequest);
    await expect.poll(() => receiver.requests.length).toBe(1);
    await egress.stop();
    expect(endOf(await post)).toBe('STOPPED');
    expect(endOf(await egress.post(receiver.url, aRequest))).toBe('STOPPED');
    expect(receiver.requests).toHaveLength(1);
  });
});

describe('egress in a separate process', () => {
  const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/egress/${name}`, import.meta.url));

  async function postInChild(env: Record<string, string>, ...urls: string[]): Promise<string[]> {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [await programOf('test/support/egress-child.ts'), ...urls],
      { env: { PATH: process.env.PATH, EGRESS_ALLOW: `${LOOPBACK}, hooks.corp, other.corp`, ...env } },
    );
    return (JSON.parse(stdout) as Parameters<typeof endOf>[0][]).map(endOf);
  }

  /** Starts a receiver whose certificate is for `hooks.corp` and 127.0.0.1. */
  async function startHttps(): Promise<{ readonly port: number; readonly requests: string[] }> {
    const requests: string[] = [];
    const server = createHttpsServer(
      { key: readFileSync(fixture('key.pem')), cert: readFileSync(fixture('certificate.pem')) },
      (request, response) => {
        requests.push(request.headers.host ?? '');
        response.end('thanks');
      },
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return { port: (server.address() as AddressInfo).port, requests };
  }

  test('requires a trusted certificate for the host, even with NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    const { port, requests } = await startHttps();
    const named = `https://hooks.corp:${port}/`;
    const trusting = await postInChild(
      { NODE_EXTRA_CA_CERTS: fixture('certificate.pem') },
      named,
      `https://hooks.corp.:${port}/`,
      `https://127.0.0.1:${port}/`,
      `https://other.corp:${port}/`,
    );
    expect(trusting).toEqual(['200', '200', '200', 'TLS']);
    expect(await postInChild({}, named)).toEqual(['TLS']);
    expect(await postInChild({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, named)).toEqual(['TLS']);
    expect(requests.sort()).toEqual([`127.0.0.1:${port}`, `hooks.corp.:${port}`, `hooks.corp:${port}`]);
  });

  test('ignores the proxies of the environment', async () => {
    const canary = await startCanary();
    const receiver = await startRawUpstream((socket) => void socket.end(httpAnswer(200, '')));
    const proxy = `http://127.0.0.1:${canary.port}`;
    const names = ['http_proxy', 'https_proxy', 'all_proxy'].flatMap((name) => [name, name.toUpperCase()]);
    expect(
      await postInChild(
        { ...Object.fromEntries(names.map((name) => [name, proxy])), NODE_USE_ENV_PROXY: '1', NO_PROXY: '' },
        receiver.url,
      ),
    ).toEqual(['200']);
    expect(canary.connections()).toBe(0);
  });
});
