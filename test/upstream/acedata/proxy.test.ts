/** The upstream client behind a configured proxy. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { findFreePort } from '../../../verification/harness/free-port.ts';
import { createCallbackUrls } from '../../../src/upstream/callback-url.ts';
import { createUpstreamClient } from '../../../src/upstream/acedata/client.ts';
import { submittingJob } from '../../support/life.ts';
import { httpAnswer, startRawUpstream } from '../../support/raw-upstream.ts';

const callbackUrls = createCallbackUrls(['a secret of thirty-two characters'], () => 'https://gateway.example.com');
const attempt = { jobId: submittingJob().id, attempt: 1, input: submittingJob().input };
const never = new AbortController().signal;

const answering = (status: number, body: object) => (socket: Socket) =>
  void socket.end(httpAnswer(status, JSON.stringify(body)));

describe('a proxy', () => {
  /** Starts a proxy that opens tunnels to the upstream for any host; `status` is its answer to CONNECT. */
  async function startProxy(port: number, status = 200) {
    const tunnels: string[] = [];
    const server = createHttpServer((_request, response) => void response.writeHead(500).end());
    server.on('connect', (request, socket: Socket, head: Buffer) => {
      tunnels.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
      socket.on('error', () => undefined);
      if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      const through = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        through.write(head);
        through.pipe(socket).pipe(through);
      }).on('error', () => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => (server.closeAllConnections(), void server.close()));
    return { url: `http://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels };
  }

  const through = (baseUrl: string, proxies: { httpProxy?: string; httpsProxy?: string; noProxy?: string }) => {
    const client = createUpstreamClient({
      id: 'test',
      sandbox: false,
      baseUrl,
      token: 'secret-token',
      callbackUrls,
      submitTimeoutMs: 2_000,
      proxies: { httpProxy: null, httpsProxy: null, noProxy: null, ...proxies },
    });
    onTestFinished(() => client.stop());
    return client;
  };

  test('opens a tunnel to the upstream for submits and look-ups', async () => {
    const upstream = await startRawUpstream(
      (socket, request) =>
        void socket.end(
          httpAnswer(200, request.includes('/kling/tasks') ? '{"items":[],"count":0}' : '{"task_id":"a"}'),
        ),
    );
    const proxy = await startProxy(Number(new URL(upstream.url).port));
    const client = through('http://upstream.example.com:8080', { httpProxy: proxy.url });
    expect(await client.submit(attempt, never)).toMatchObject({ kind: 'accepted', taskId: 'a' });
    expect(await client.lookUp(['a'], never)).toEqual(new Map());
    const credentials = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    expect(proxy.tunnels).toEqual(Array(2).fill(`upstream.example.com:8080 ${credentials}`));
    expect(
      upstream.requests.every((request) => !/proxy-authorization/i.test(request)),
      'the credentials do not reach the upstream',
    ).toBe(true);
  });

  test('that is unreachable or refuses the tunnel sends nothing', async () => {
    const upstream = await startRawUpstream(answering(200, { task_id: 'a' }));
    const refusing = await startProxy(Number(new URL(upstream.url).port), 407);
    for (const proxy of [refusing.url, `http://127.0.0.1:${await findFreePort()}`]) {
      expect(
        await through('https://upstream.example.com', { httpsProxy: proxy }).submit(attempt, never),
        proxy,
      ).toMatchObject({ kind: 'neverSent' });
    }
    expect(upstream.requests).toEqual([]);
  });

  test('makes a submit ambiguous if the connection breaks after the request', async () => {
    const upstream = await startRawUpstream((socket) => void socket.resetAndDestroy());
    const proxy = await startProxy(Number(new URL(upstream.url).port));
    expect(await through('http://upstream.example.com', { httpProxy: proxy.url }).submit(attempt, never)).toMatchObject(
      { kind: 'ambiguous' },
    );
    expect(upstream.requests.length).toBe(1);
  });

  test('is bypassed for excluded hosts, and without a setting even if the environment names a proxy', async () => {
    const upstream = await startRawUpstream(answering(200, { task_id: 'a' }));
    const proxy = await startProxy(1);
    vi.stubEnv('HTTP_PROXY', proxy.url).stubEnv('http_proxy', proxy.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const proxies of [{ httpProxy: proxy.url, noProxy: '127.0.0.1' }, {}, { httpsProxy: proxy.url }]) {
      expect(await through(upstream.url, proxies).submit(attempt, never), JSON.stringify(proxies)).toMatchObject({
        kind: 'accepted',
      });
    }
    expect(proxy.tunnels).toEqual([]);
  });
});
