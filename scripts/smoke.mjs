/**
 * Starts the built gateway as a new user does, submits the example, and waits for its result. Runs it with the current
 * Node.js or with another major version: `node scripts/smoke.mjs 22` fetches the package `node-<platform>-<arch>` of
 * that version from the npm registry.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIMIT_MS = 60_000;
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'motion-gateway-smoke-'));
chmodSync(folder, 0o755);

function findNode(major) {
  if (major === undefined) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  execFileSync(
    'npm',
    ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--silent', `${name}@${major}`],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return join(folder, 'node_modules', name, 'bin/node');
}

async function untilBanner(child) {
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    output += chunk;
    const [, url] = /Motion gateway {3}(\S+)/.exec(output) ?? [];
    const [, key] = /API key {10}(\S+)/.exec(output) ?? [];
    if (url && key) return { url, key };
  }
  throw new Error(`the gateway ended before its banner:\n${output}`);
}

async function ask({ url, key }, query) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const node = findNode(process.argv[2]);
const version = execFileSync(node, ['--version']).toString().trim();
const startedAt = performance.now();
const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(2);
const child = spawn(node, [join(root, 'dist/main.js')], {
  env: {
    PATH: process.env.PATH,
    ENV_FILE: 'off',
    PORT: '0',
    SANDBOX_PORT: '0',
    SANDBOX_SECONDS: '1',
    DATA_DIR: join(folder, 'data'),
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(child, 'exit');
const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
try {
  const gateway = await untilBanner(child);
  console.log(`Node ${version}: listens after ${seconds()} s`);
  const { generateMotion } = await ask(
    gateway,
    `mutation { generateMotion(input: {
      imageUrl: "https://sourceyoya.wenge.com/2025/06/03/683e9f76e4b0684509ab1aca.jpg", videoUrl: "https://cdn.acedata.cloud/odwfm5.mp4",
      prompt: "Make the picture come alive" }) { job { id } userErrors { message } } }`,
  );
  let job = generateMotion.job;
  while (!job.isTerminal)
    ({ motionJob: job } = await ask(gateway, `{ motionJob(id: "${job.id}") { id isTerminal state settledBy } }`));
  if (job.state !== 'SUCCEEDED' || job.settledBy !== 'CALLBACK')
    throw new Error(`the job ended as ${JSON.stringify(job)}`);
  console.log(`Node ${version}: the result came after ${seconds()} s, of which the sandbox took 1`);
  child.kill('SIGTERM');
  const [code] = await ended;
  if (code !== 0) throw new Error(`the gateway stopped with ${code}`);
  console.log(`Node ${version}: stopped after ${seconds()} s`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  clearTimeout(timer);
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
