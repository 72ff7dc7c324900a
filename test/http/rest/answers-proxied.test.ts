/**
 * Tests the evidence of whether an answer arrived through proxies that terminate TLS: two proxies of this test, and
 * nginx.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request as httpRequest, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { becomes, listen, requestText, startAnswering, verdicts } from '../../support/answers.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/tls.ts';

describe('through a proxy that terminates TLS', () => {
  const tls = { key: TEST_KEY, cert: TEST_CERTIFICATE };

  /** Starts a proxy that forwards bytes and closes, without parsing HTTP. */
  async function forwardBytes(target: number): Promise<number> {
    const proxy = createTlsServer({ ...tls, allowHalfOpen: true }, (client) => {
      const behind = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
      for (const [from, to] of [
        [client, behind],
        [behind, client],
      ] as const)
        from
          .on('error', () => to.destroy())
          .on('close', () => to.destroy())
          .pipe(to);
    });
    onTestFinished(() => void proxy.close());
    return listen(proxy);
  }

  /** Starts a proxy that reads the whole answer before it forwards it, as nginx does, and that adds a proxy header. */
  async function forwardRequests(target: number, keepAlive: boolean, took: () => unknown): Promise<number> {
    const agent = keepAlive ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    const proxy = createHttpsServer(tls, (_request, response) => {
      const headers = { 'content-length': '0', 'x-forwarded-for': '192.0.2.1' };
      const behind = httpRequest({ port: target, method: 'POST', agent, headers }, (answer) => {
        answer
          .setEncoding('utf8')
          .on('data', () => undefined)
          .on('end', () => (took(), response.destroyed || response.end('yes')));
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

  test('and forwards bytes, the close of a client is visible, both before the answer and after it was read', async () => {
    const { ends, port, next } = await startAnswering();
    const proxy = await forwardBytes(port);
    const first = await client(proxy);
    const arrived = new Promise<void>((resolve) => next(() => resolve()));
    first.write(requestText());
    await arrived;
    first.destroy();
    await becomes(ends, ['UNANSWERED']);
    next((response) => void response.end('yes'));
    const second = await client(proxy);
    second.write(requestText());
    await once(second, 'data');
    second.end();
    await becomes(ends, ['UNANSWERED', 'closing', 'ANSWERED']);
  });

  test.each([true, false])(
    'and forwards requests (keep-alive %s), a client that disconnects before the answer is detected, and every answer that the proxy received is in doubt',
    async (keepAlive) => {
      const { ends, port, next } = await startAnswering();
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
      // This client disconnects after the proxy has received the answer and before it forwards it. Nothing reveals it.
      next((response) => void response.end('yes'));
      const lost = await client(proxy);
      onTaken = () => lost.destroy();
      let read = false;
      lost.on('data', () => (read = true)).write(requestText());
      await expect.poll(() => verdicts(ends), { timeout: 10_000 }).toEqual(['UNANSWERED', 'DOUBTFUL', 'DOUBTFUL']);
      await expect.poll(() => lost.closed).toBe(true);
      expect(read).toBe(false);
    },
  );
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
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ');
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
      events {}
      http { access_log off; ${temp}
        upstream gateway { server 127.0.0.1:${target}; keepalive 1; }
        server { listen 127.0.0.1:${port} ssl; ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem; location / { proxy_pass http://gateway; ${more} } } }`,
    );
    const child = spawn(nginx!, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    onTestFinished(async () => {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    });
    await expect
      .poll(
        () =>
          new Promise((resolve) => connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))),
      )
      .toBe(true);
    return port;
  }

  test.each([
    ['as it is set up by default', ''],
    [
      'with connections that are kept',
      'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr;',
    ],
  ])(
    '%s, a client that disconnects before the answer is detected, and an answer that nginx received is in doubt',
    async (_name, more) => {
      const { ends, port, next } = await startAnswering();
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
    },
  );
});

function findNginx(): string | null {
  for (const path of ['nginx', '/usr/sbin/nginx']) {
    try {
      execFileSync(path, ['-v'], { stdio: 'ignore' });
      return path;
    } catch {
      // Not installed at this path.
    }
  }
  return null;
}
