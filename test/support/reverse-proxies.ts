/**
 * Real reverse proxies in front of a gateway: Debian's nginx, and the proxy of Vite's development server. Each stops
 * when the test ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { createServer as createViteServer, type ProxyOptions } from 'vite';
import { findFreePort } from '../../verification/harness/free-port.ts';
import { createFolder } from './folder.ts';
import { onEnd } from './on-end.ts';

const places = [process.env.NGINX_PATH, '/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'];
export const nginxPath = places.find((path) => path !== undefined && existsSync(path));

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/egress/${name}`, import.meta.url));

interface Nginx {
  /** Serves the gateway below `/motion/`, which it strips, and rewrites `Host`. */
  readonly prefixUrl: string;
  /** Serves the gateway at the root over TLS, also with a rewritten `Host`. */
  readonly tlsUrl: string;
}

/**
 * Starts nginx as an operator would configure it: `Host` names the target, and `X-Forwarded-*` describes the client's
 * request.
 */
export async function startNginx(target: string): Promise<Nginx> {
  const folder = await createFolder();
  await mkdir(join(folder, 'logs'));
  const [plain, tls] = [await findFreePort(), await findFreePort()];
  const forward = `
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join('\n  ');
  await writeFile(
    join(folder, 'nginx.conf'),
    `
daemon off;
master_process off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/logs/error.log warn;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${plain};
    location /motion/ {
      proxy_pass ${target}/;${forward}
    }
  }
  server {
    listen 127.0.0.1:${tls} ssl;
    ssl_certificate ${fixture('certificate.pem')};
    ssl_certificate_key ${fixture('key.pem')};
    location / {
      proxy_pass ${target};${forward}
    }
  }
}
`,
  );
  const child = spawn(
    nginxPath!,
    ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'logs/error.log')],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  onEnd(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const answers = () =>
    fetch(`http://127.0.0.1:${plain}/motion/livez`).then(
      ({ status }) => status,
      () => readFile(join(folder, 'logs/error.log'), 'utf8').catch(() => 'not started'),
    );
  await expect.poll(answers).toBe(200);
  return { prefixUrl: `http://127.0.0.1:${plain}/motion`, tlsUrl: `https://127.0.0.1:${tls}` };
}

/**
 * Starts a development server that proxies `/graphql` and everything below `/motion`, as frontend projects configure
 * it; resolves with its URL.
 */
export async function startVite(target: string): Promise<string> {
  const proxy: ProxyOptions = { target, changeOrigin: true, ws: true };
  const server = await createViteServer({
    configFile: false,
    root: await createFolder(),
    logLevel: 'silent',
    appType: 'custom',
    server: {
      host: '127.0.0.1',
      port: await findFreePort(),
      strictPort: true,
      hmr: false,
      proxy: { '/graphql': proxy, '/motion': { ...proxy, rewrite: (path) => path.replace(/^\/motion/, '') } },
    },
  });
  onEnd(() => server.close());
  await server.listen();
  return `http://127.0.0.1:${(server.httpServer!.address() as AddressInfo).port}`;
}
