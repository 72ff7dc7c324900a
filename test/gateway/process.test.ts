import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { startEmbeddedServer } from '../../src/db/embedded/server.ts';
import { createClient } from '../support/client.ts';
import { giveKey } from '../../verification/harness/ordinary-key.ts';
import { createDatabase } from '../support/database.ts';
import { reportSuccess, startFakeUpstream } from '../support/fake-upstream.ts';
import { publicAddress } from '../support/gateway.ts';
import { createFolder } from '../support/folder.ts';
import { startProcess, type GatewayProcess } from '../support/process.ts';

const API_KEY = 'test-key-0123456789';
const APP_SECRET = 'test-secret-0123456789-0123456789-0123456789';

/** Creates a data directory. Its embedded server outlives a killed gateway, so the cleanup adopts and stops it. */
async function createDataDir(): Promise<string> {
  const dataDir = await createFolder();
  onTestFinished(async () => {
    const server = await startEmbeddedServer({ dataDir, log: () => undefined });
    await server.stop();
  });
  return dataDir;
}

afterEach(() => expect.hasAssertions());

describe('a gateway with nothing but Node.js', () => {
  test('starts with a database, a sandbox and a key of its own, and finishes a job', async () => {
    const gateway = startProcess({ DATA_DIR: await createDataDir(), WARM_UP_SECONDS: '' });
    const { url, apiKey } = await gateway.untilReady();
    expect(gateway.output()).toMatch(/SANDBOX: http:\/\/127\.0\.0\.1:\d+ replaces the paid API/);
    const client = createClient({ url, apiKey });
    const job = await client.generate();
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', sandbox: true, settledBy: 'CALLBACK' });
    await client.stop();
    gateway.child.kill('SIGTERM');
    expect(await gateway.ended).toBe(0);
  });

  test('loses nothing if kill -9 ends it in the middle of a job: the next one has the same key and finishes the job', async () => {
    const dataDir = await createDataDir();
    const settings = {
      DATA_DIR: dataDir,
      SANDBOX_SECONDS: '1',
      POLL_FIRST_SECONDS: '0.2',
      POLL_INTERVAL_SECONDS: '0.2',
    };
    const first = startProcess(settings);
    const before = await first.untilReady();
    const client = createClient(before);
    const job = await client.generate();
    await expect.poll(async () => (await client.find(job.id))?.state).toBe('PROCESSING');
    await client.stop();
    first.child.kill('SIGKILL');
    await first.ended;

    const second = startProcess(settings);
    const after = await second.untilReady();
    expect(second.output()).toContain('Adopted the PostgreSQL server');
    expect(after.apiKey).toBe(before.apiKey);
    const again = createClient(after);
    expect(await again.untilEnd(job.id)).toMatchObject({ id: job.id, state: 'SUCCEEDED' });
    await again.stop();
  });

  test('exits with an error if another one uses the same data, and does not disturb that one', async () => {
    const dataDir = await createDataDir();
    const first = startProcess({ DATA_DIR: dataDir });
    const { url } = await first.untilReady();
    const second = startProcess({ DATA_DIR: dataDir });
    expect(await second.ended).toBe(1);
    expect(second.output().trim()).toMatch(/^Data directory \S+ is in use by another gateway: .*$/);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });
});

test('environment variables that are meant for other PostgreSQL servers do not affect the embedded one', async () => {
  const others = {
    PGSSLMODE: 'require',
    PGSSLNEGOTIATION: 'direct',
    PGOPTIONS: '-c datestyle=SQL,DMY -c search_path=nothing',
    PGHOST: 'elsewhere.invalid',
    PGPORT: '1',
    PGUSER: 'nobody',
    PGPASSWORD: 'wrong',
    PGDATABASE: 'nothing',
    PGDATA: '/nowhere',
    PGSERVICE: 'none',
    PGAPPNAME: 'psql',
    PGTZ: 'Asia/Kathmandu',
    PGDATESTYLE: 'German',
    PGCLIENTENCODING: 'LATIN1',
    PGCONNECT_TIMEOUT: '1',
  };
  const gateway = startProcess({ ...others, DATA_DIR: await createDataDir() });
  const client = createClient(await gateway.untilReady());
  const { id } = await client.generate();
  expect(await client.untilEnd(id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
  await client.stop();
});

describe('a stop', () => {
  /** Starts a gateway whose stop waits for a submit, so that a second signal arrives while it is stopping. */
  async function startBusy() {
    const upstream = await startFakeUpstream();
    const databaseUrl = await createDatabase();
    const gateway = startProcess({
      ...upstream.settings,
      DATABASE_URL: databaseUrl,
      API_KEY,
      APP_SECRET,
      DRAIN_SECONDS: '60',
    });
    const client = createClient({ url: (await gateway.untilReady()).url, apiKey: await giveKey(databaseUrl) });
    await client.generate();
    const submit = await upstream.nextSubmit();
    await client.stop();
    return { gateway, submit };
  }
  const saidBy = (gateway: GatewayProcess, what: string) => gateway.output().split(`"msg":"${what}"`).length - 1;

  test('requested twice at once, as npm does on Ctrl-C, is one graceful stop', async () => {
    const { gateway, submit } = await startBusy();
    gateway.child.kill('SIGINT');
    await expect.poll(() => saidBy(gateway, 'draining')).toBe(1);
    // Two signals of the same kind may be delivered as one. This one is of another kind, and its arrival is logged. A
    // second later, it would end the process.
    gateway.child.kill('SIGTERM');
    await expect.poll(() => saidBy(gateway, 'already draining')).toBe(1);
    submit.answer(200, { task_id: 'a' });
    expect(await gateway.ended).toBe(0);
    expect(saidBy(gateway, 'stopped')).toBe(1);
  });

  test('requested again after a second ends the process immediately', async () => {
    const { gateway } = await startBusy();
    gateway.child.kill('SIGINT');
    await expect.poll(() => saidBy(gateway, 'draining')).toBe(1);
    // Repeats the signal until more than a second has passed by the gateway's own clock.
    const repeat = setInterval(() => gateway.child.kill('SIGINT'), 200);
    onTestFinished(() => clearInterval(repeat));
    expect(await gateway.ended).toBe(130);
    expect(saidBy(gateway, 'stopped')).toBe(0);
  });

  test('during the start leaves nothing running', async () => {
    const dataDir = await createDataDir();
    const first = startProcess({ DATA_DIR: dataDir });
    await expect.poll(() => first.output(), { interval: 5 }).toContain('Creating a PostgreSQL');
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    const second = startProcess({ DATA_DIR: dataDir });
    await second.untilReady();
    expect(second.output()).not.toContain('Adopted');
  });

  test('finishes the submit in progress, accepts its callback meanwhile, and closes the database last', async () => {
    const upstream = await startFakeUpstream();
    const databaseUrl = await createDatabase();
    const gateway = startProcess({
      ...upstream.settings,
      DATABASE_URL: databaseUrl,
      API_KEY,
      APP_SECRET,
      ...(await publicAddress()),
    });
    const { url } = await gateway.untilReady();
    const client = createClient({ url, apiKey: await giveKey(databaseUrl) });
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    await client.stop();

    gateway.child.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
    submit.answer(200, { task_id: 'the-task' });
    expect(await reportSuccess(upstream, submit.body.callback_url!, 'the-task')).toBe(200);
    expect(await gateway.ended).toBe(0);

    const next = startProcess({ ...upstream.settings, DATABASE_URL: databaseUrl, API_KEY, APP_SECRET });
    const again = createClient({ url: (await next.untilReady()).url, apiKey: await giveKey(databaseUrl) });
    expect(await again.find(job.id)).toMatchObject({ taskId: 'the-task' });
    await again.stop();
    expect(upstream.submitCount()).toBe(1);
  });

  test('does not wait for a submit that never ends: the job becomes UNCONFIRMED and is not sent again', async () => {
    const upstream = await startFakeUpstream();
    const databaseUrl = await createDatabase();
    const settings = { ...upstream.settings, DATABASE_URL: databaseUrl, API_KEY, APP_SECRET, DRAIN_SECONDS: '0.3' };
    const gateway = startProcess(settings);
    const client = createClient({ url: (await gateway.untilReady()).url, apiKey: await giveKey(databaseUrl) });
    const job = await client.generate();
    await upstream.nextSubmit();
    await client.stop();
    gateway.child.kill('SIGTERM');
    expect(await gateway.ended).toBe(0);

    const next = startProcess(settings);
    const again = createClient({ url: (await next.untilReady()).url, apiKey: await giveKey(databaseUrl) });
    expect(await again.find(job.id)).toMatchObject({ state: 'UNCONFIRMED' });
    await again.stop();
    expect(upstream.submitCount()).toBe(1);
  });
});

describe('a start that fails', () => {
  const refused = async (env: Record<string, string>) => {
    const gateway = startProcess(env);
    expect(await gateway.ended).toBe(1);
    return gateway.output().trim().split('\n');
  };

  test('names every invalid variable at once', async () => {
    expect(
      await refused({
        PORT: 'x',
        UPSTREAM: 'nobody',
        UPSTREAM_MAX_IN_FLIGHT: '0',
        DATABASE_URL: 'mysql://a',
        LOG_LEVEL: 'loud',
      }),
    ).toEqual([
      'PORT: expected an integer from 0 to 65535',
      'LOG_LEVEL: expected one of `fatal`, `error`, `warn`, `info`, `debug`, `trace`, `silent`',
      'DATABASE_URL: expected a postgres:// URL',
      'UPSTREAM: expected `acedata` or `sandbox`',
      'UPSTREAM_MAX_IN_FLIGHT: expected an integer from 1 to 1000',
    ]);
  });

  test('reports the port that is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const lines = await refused({
      PORT: String(port),
      DATABASE_URL: await createDatabase(),
      API_KEY,
      APP_SECRET,
      DATA_DIR: await createFolder(),
      LOG_LEVEL: 'silent',
    });
    expect(lines).toEqual([expect.stringContaining(`Port ${port} of 127.0.0.1 is in use`)]);
  });

  test('reports that the password is wrong', async () => {
    const url = new URL(await createDatabase());
    url.password = 'wrong';
    expect(await refused({ DATABASE_URL: url.href, API_KEY, APP_SECRET })).toEqual([
      expect.stringMatching(/^DATABASE_URL: the database cannot be used \(password authentication failed/),
    ]);
  });

  test('in production reports that the upstream and the database are not set', async () => {
    expect(await refused({ NODE_ENV: 'production' })).toEqual([
      expect.stringMatching(/^UPSTREAM: in production, set/),
      expect.stringMatching(/^DATABASE_URL: required in production/),
    ]);
  });
});
