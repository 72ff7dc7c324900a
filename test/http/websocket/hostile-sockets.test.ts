/**
 * Tests hostile socket clients on one gateway, case by case. `npm run prove:sockets` repeats the same cases with many
 * clients at once.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { socketCases } from '../../../verification/proofs/sockets/socket-cases.ts';
import { INSERT_LASTING_JOB, play, settings, type Target } from '../../../verification/proofs/sockets/socket-bench.ts';
import { giveKey } from '../../../verification/harness/ordinary-key.ts';
import { loadConfig } from '../../../src/config.ts';
import { startGateway, type Gateway } from '../../../src/gateway.ts';
import { asAdministrator } from '../../support/database.ts';
import { TEMPLATE } from '../../support/global-setup.ts';

const ERROR = 50;

const errors: string[] = [];
const name = `test_${randomBytes(6).toString('hex')}`;
let folder: string;
let gateway: Gateway;
let target: Target;

beforeAll(async () => {
  await asAdministrator(`create database ${name} template ${TEMPLATE} strategy file_copy`);
  folder = await mkdtemp(join(tmpdir(), 'motion-gateway-'));
  await chmod(folder, 0o755);
  const url = new URL(inject('serverUrl'));
  url.pathname = name;
  const log = pino(
    { level: 'info' },
    { write: (line: string) => void ((JSON.parse(line) as { level: number }).level >= ERROR && errors.push(line)) },
  );
  const config = loadConfig({
    DATABASE_URL: url.href,
    DATA_DIR: folder,
    API_KEY: 'test-key-0123456789',
    APP_SECRET: 'test-secret-0123456789-0123456789-0123456789',
    PORT: '0',
    SANDBOX_PORT: '0',
    DRAIN_SECONDS: '1',
    ...settings,
  });
  gateway = await startGateway(config, log);
  const [job] = await asAdministrator<{ id: string }>(INSERT_LASTING_JOB, url.href);
  target = { url: gateway.url, apiKey: await giveKey(url.href), jobId: job!.id };
});

afterEach(async () => {
  await expect
    .poll(() => [gateway.live.sockets(), gateway.live.watchers()], { message: 'sockets and watchers left over' })
    .toEqual([0, 0]);
  // Nothing that a client sends may be logged as an internal error.
  expect(errors.splice(0)).toEqual([]);
});

afterAll(async () => {
  await gateway.stop();
  await asAdministrator(`drop database ${name} with (force)`);
  await rm(folder, { recursive: true, force: true });
});

test.each(socketCases.map((one) => [one.name, one.expected, one] as const))('%s: %s', async (_name, expected, one) => {
  expect(await play(one, target)).toBe(expected);
});
