/** Tests which requests an overloaded gateway refuses, how it refuses them, and which it continues to serve. */
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { dial } from '../../../verification/proofs/sockets/raw-socket.ts';
import { startLoad } from '../../../src/http/overload/load.ts';
import type { Kind } from '../../../src/http/overload/overloaded-error.ts';
import { keepLoopBusy, keepMachineBusy } from '../../support/busy.ts';
import { EXAMPLE } from '../../support/client.ts';
import { asAdministrator } from '../../support/database.ts';
import { reportSuccess, startFakeUpstream } from '../../support/fake-upstream.ts';
import { publicAddress, startGateway, type TestGateway } from '../../support/gateway.ts';
import { holdQueries } from '../../support/hold.ts';
import { shared } from '../../support/on-end.ts';
import { createRestClient, SEED_BODY } from '../../support/rest.ts';

const ORIGIN = 'https://app.example.com';
/** Keeps the number of slots from falling, however busy the machine is. */
const FIXED_SLOTS = { TARGET_EVENT_LOOP_DELAY_MS: '60000' };

const READ = 'query ($id: ID!) { motionJob(id: $id) { id } }';
const GENERATE =
  'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } userErrors { code } } }';
const OVERLOADED = {
  errors: [
    {
      message: expect.stringMatching(/^The gateway is overloaded\. Nothing was executed; /) as string,
      extensions: { code: 'SERVICE_UNAVAILABLE', retryAfterSeconds: expect.any(Number) as number },
    },
  ],
};

const post = ({ url, apiKey }: TestGateway, query: string, variables: object = {}, signal?: AbortSignal) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}`, origin: ORIGIN },
    body: JSON.stringify({ query, variables }),
    ...(signal && { signal }),
  });

const read = (gateway: TestGateway, signal?: AbortSignal) => post(gateway, READ, { id: crypto.randomUUID() }, signal);
const submit = (gateway: TestGateway) => post(gateway, GENERATE, { input: EXAMPLE });

/** Takes slots as running operations would; returns a function that releases them. */
async function takeSlots({ live }: TestGateway, kind: Kind, count: number): Promise<() => void> {
  const leaves = await Promise.all(Array.from({ length: count }, () => live.admission.enter(kind)));
  const leaveAll = (): void => leaves.forEach((leave) => leave());
  onTestFinished(leaveAll);
  return leaveAll;
}

const countJobs = async ({ databaseUrl }: TestGateway) =>
  (await asAdministrator<{ count: number }>('select count(*)::int from jobs', databaseUrl))[0]!.count;

async function expectOverloaded(response: Response): Promise<void> {
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject(OVERLOADED);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(2);
}

describe('while the event loop is late', () => {
  const startUpstream = async (more: Record<string, string> = {}) => {
    const upstream = await startFakeUpstream();
    const gateway = await startGateway({
      ...upstream.settings,
      ...(await publicAddress()),
      ...FIXED_SLOTS,
      MAX_EVENT_LOOP_DELAY_MS: '10',
      CORS_ORIGINS: ORIGIN,
      ...more,
    });
    const job = await gateway.client.generate();
    const task = await upstream.nextSubmit();
    return { gateway, upstream, job, task };
  };
  const makeLate = async (started: Awaited<ReturnType<typeof startUpstream>>, spinMs = 40) => {
    const endBusy = keepLoopBusy(spinMs);
    await expect.poll(() => started.gateway.live.load.overload()).toBe('EVENT_LOOP');
    return { ...started, endBusy };
  };
  const start = async (more: Record<string, string> = {}, spinMs = 40) => makeLate(await startUpstream(more), spinMs);
  const refusing = shared(() => startUpstream());

  test(
    'reads are refused with 503, Retry-After and a GraphQL error that a browser can read',
    { timeout: 60_000 },
    async () => {
      const { gateway } = await makeLate(refusing());
      const byGet = await fetch(`${gateway.url}/graphql?query=%7B__typename%7D`, {
        headers: { origin: ORIGIN, 'apollo-require-preflight': '1' },
      });
      for (const response of [byGet, await read(gateway), await post(gateway, '{ viewer { account { id } } }')]) {
        expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
        expect(response.headers.get('access-control-expose-headers')).toContain('retry-after');
        expect(response.headers.get('x-request-id')).not.toBeNull();
        await expectOverloaded(response);
      }
      const preflight = await fetch(`${gateway.url}/graphql`, {
        method: 'OPTIONS',
        headers: {
          origin: ORIGIN,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization',
        },
      });
      expect(preflight.status).toBe(204);
    },
  );

  test(
    "REST look-ups are refused in the vendor's envelope, with the code that means that nothing was done",
    { timeout: 60_000 },
    async () => {
      const { gateway, job } = await makeLate(refusing());
      const { status, headers, body } = await createRestClient(gateway).retrieve(job.id);
      expect([status, body.error?.code]).toEqual([429, 'too_many_requests']);
      expect(body).toMatchObject({ success: false, trace_id: expect.any(String) as string });
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(2);
    },
  );

  test('WebSocket handshakes are refused with 503 and Retry-After', { timeout: 60_000 }, async () => {
    const { gateway } = await makeLate(refusing());
    const socket = dial(gateway.url);
    onTestFinished(() => socket.reset());
    const answer = await socket.answer;
    expect([answer?.status, answer?.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^[2-5]$/)]);
    expect(gateway.live.sockets()).toBe(0);
  });

  test(
    'submits, callbacks and health checks are served, and metrics, readiness and the log report the refusals',
    { timeout: 60_000 },
    async () => {
      const { gateway, upstream, task } = await start();
      task.answer(200, { task_id: 'the-task' });
      await expectOverloaded(await read(gateway));
      expect(await (await submit(gateway)).json()).toMatchObject({ data: { generateMotion: { userErrors: [] } } });
      expect((await createRestClient(gateway).submit({ async: true })).status).toBe(200);
      expect(await reportSuccess(upstream, task.body.callback_url!, 'the-task')).toBe(200);
      expect((await fetch(`${gateway.url}/livez`)).status).toBe(200);
      const ready = await fetch(`${gateway.url}/readyz`);
      expect([ready.status, await ready.json()]).toEqual([
        200,
        expect.objectContaining({ status: 'degraded', load: 'shedding' }),
      ]);
      const metrics = await (
        await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.administratorKey}` } })
      ).text();
      expect(metrics).toMatch(/motion_gateway_shed_total\{kind="read",reason="EVENT_LOOP"\} 1\n/);
      expect(metrics).toMatch(/motion_gateway_event_loop_delay_seconds \d/);
      // One log line per interval, and none per refusal.
      expect(gateway.logs.filter(({ msg, status }) => msg === 'request' && status === 503)).toEqual([]);
      await expect
        .poll(() => gateway.logs, { timeout: 20_000 })
        .toContainEqual(
          expect.objectContaining({
            level: 40,
            refused: 1,
            msg: 'shedding load: requests were refused with 503 or 429',
          }),
        );
    },
  );

  test('only a limited number of bodies is read to determine the kind of a request', { timeout: 60_000 }, async () => {
    const { gateway } = await start();
    await expectOverloaded(await read(gateway));
    const kindsOf = () => gateway.live.admission.figures().refused.map(({ kind, reason }) => [kind, reason]);
    expect(kindsOf()).toEqual([['read', 'EVENT_LOOP']]);
    // Runs in one turn of the event loop, in which the allowance of 200 is hardly refilled.
    const refusals = Array.from({ length: 1_000 }, () => gateway.live.admission.refusal(null));
    expect(refusals.slice(0, 150).filter((refusal) => refusal !== null)).toEqual([]);
    expect(refusals.at(-1)).toMatchObject({ reason: 'EVENT_LOOP' });
    await expectOverloaded(await read(gateway));
    expect(kindsOf()).toContainEqual(['unknown', 'EVENT_LOOP']);
  });

  test('requests are refused only until it is no longer late', { timeout: 60_000 }, async () => {
    const { gateway, endBusy } = await start({ MAX_EVENT_LOOP_DELAY_MS: '400' }, 1_000);
    await expectOverloaded(await fetch(`${gateway.url}/graphql?query=%7B__typename%7D`));
    endBusy();
    await expect.poll(() => gateway.live.load.overload(), { timeout: 40_000 }).toBeNull();
    expect((await read(gateway)).status).toBe(200);
  });
});

describe('when all slots are taken', () => {
  const start = (more: Record<string, string> = {}) =>
    startGateway({
      ...FIXED_SLOTS,
      MAX_OPERATIONS: '2',
      MAX_WAITING_OPERATIONS: '1',
      SUBMIT_WAIT_SECONDS: '60',
      READ_WAIT_SECONDS: '60',
      ...more,
    });

  test('requests beyond the queue are refused at once on each transport, and a refused submit stores nothing and counts toward no limit', async () => {
    const gateway = await start();
    const rest = createRestClient(gateway);
    const leave = await takeSlots(gateway, 'read', 2);
    const waitingRead = read(gateway);
    const waitingSubmit = submit(gateway);
    await expect.poll(() => gateway.live.admission.figures().waiting).toBe(2);
    const waitingHandshake = dial(gateway.url);
    onTestFinished(() => waitingHandshake.reset());
    await expect.poll(() => gateway.live.admission.figures().waiting).toBe(3);

    const refusedSubmit = await submit(gateway);
    expect(refusedSubmit.headers.get('ratelimit')).toBeNull();
    await expectOverloaded(refusedSubmit);
    await expectOverloaded(
      await fetch(`${gateway.url}/graphql?query=%7B__typename%7D`, { headers: { 'apollo-require-preflight': '1' } }),
    );
    expect((await rest.submit({ async: true })).status).toBe(429);
    expect((await rest.retrieve(crypto.randomUUID())).status).toBe(429);
    const handshake = dial(gateway.url);
    onTestFinished(() => handshake.reset());
    expect(await handshake.answer).toMatchObject({ status: 503 });
    expect(await countJobs(gateway)).toBe(0);
    const [windows] = await asAdministrator<{ count: number }>(
      'select count(*)::int from rate_windows',
      gateway.databaseUrl,
    );
    expect(windows!.count).toBe(0);

    leave();
    expect([(await waitingRead).status, (await waitingSubmit).status]).toEqual([200, 200]);
    expect(await waitingHandshake.answer).toMatchObject({ status: 101 });
    expect(await countJobs(gateway)).toBe(1);
  });

  test('callbacks and health checks do not wait', async () => {
    const upstream = await startFakeUpstream();
    const gateway = await start({ ...upstream.settings, ...(await publicAddress()) });
    const job = await gateway.client.generate();
    const task = await upstream.nextSubmit();
    task.answer(200, { task_id: 'the-task' });
    await expect.poll(async () => (await gateway.client.find(job.id))?.state).toBe('PROCESSING');
    await takeSlots(gateway, 'read', 2);
    expect(await reportSuccess(upstream, task.body.callback_url!, 'the-task')).toBe(200);
    const [row] = await asAdministrator<{ state: string }>(
      `select state from jobs where id = '${job.id}'`,
      gateway.databaseUrl,
    );
    expect(row).toEqual({ state: 'SUCCEEDED' });
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
  });

  test('a read waits for READ_WAIT_SECONDS, and a submit for SUBMIT_WAIT_SECONDS', async () => {
    const gateway = await start({ READ_WAIT_SECONDS: '0.1', MAX_WAITING_OPERATIONS: '10' });
    await takeSlots(gateway, 'read', 2);
    const waitingSubmit = submit(gateway);
    await expect.poll(() => gateway.live.admission.figures().waiting).toBe(1);
    await expectOverloaded(await read(gateway));
    expect(gateway.live.admission.figures()).toMatchObject({
      waiting: 1,
      refused: [{ kind: 'read', reason: 'WAIT', count: 1 }],
    });
    const other = await start({ SUBMIT_WAIT_SECONDS: '1' });
    await takeSlots(other, 'read', 2);
    await expectOverloaded(await submit(other));
    expect(await countJobs(other)).toBe(0);
    void waitingSubmit.catch(() => undefined);
  });

  test('a client that disconnects leaves the queue, and its operation is not executed', async () => {
    const gateway = await start();
    const leave = await takeSlots(gateway, 'read', 2);
    const hangUp = new AbortController();
    const gone = post(gateway, GENERATE, { input: EXAMPLE }, hangUp.signal).catch(() => 'gone');
    await expect.poll(() => gateway.live.admission.figures().waiting).toBe(1);
    hangUp.abort();
    expect(await gone).toBe('gone');
    await expect.poll(() => gateway.live.admission.figures().waiting).toBe(0);
    leave();
    expect((await read(gateway)).status).toBe(200);
    expect(await countJobs(gateway)).toBe(0);
  });

  test('a held REST request occupies no slot', async () => {
    const upstream = await startFakeUpstream();
    const gateway = await start({ ...upstream.settings, ...(await publicAddress()) });
    const held = createRestClient(gateway).submit();
    const task = await upstream.nextSubmit();
    expect(gateway.live.admission.figures().running).toBe(0);
    task.answer(200, { task_id: 'the-task' });
    expect(await reportSuccess(upstream, task.body.callback_url!, 'the-task')).toBe(200);
    expect((await held).status).toBe(200);
  });
});

test('a burst of 100 mutations on a busy machine is accepted', { timeout: 120_000 }, async () => {
  // The duration of the burst depends on the machine. With long waits, it is accepted on any machine.
  const gateway = await startGateway({
    UPSTREAM_SUBMITS_PER_SECOND: '1',
    SUBMIT_WAIT_SECONDS: '60',
    OPERATION_TIMEOUT_SECONDS: '60',
    STATEMENT_TIMEOUT_SECONDS: '60',
  });
  keepMachineBusy();
  const answers = await Promise.all(
    Array.from({ length: 100 }, async () => (await submit(gateway)).json() as Promise<object>),
  );
  const accepted = answers.filter((answer) => JSON.stringify(answer).includes('"userErrors":[]'));
  expect(answers.filter((answer) => !accepted.includes(answer))).toEqual([]);
  expect(await countJobs(gateway)).toBe(100);
});

test('a submit over REST waits for a slot only once, so it is not refused after it has waited', async () => {
  const gateway = await startGateway();
  const enter = vi.spyOn(gateway.live.admission, 'enter');
  expect((await createRestClient(gateway).post('/kling/motion', { ...SEED_BODY, async: true })).status).toBe(200);
  expect(enter.mock.calls.map(([kind]) => kind)).toEqual(['submit']);
});

test('a statement may take up to STATEMENT_TIMEOUT_SECONDS', async () => {
  const hurried = await startGateway({ STATEMENT_TIMEOUT_SECONDS: '0.3' });
  const usual = await startGateway({ DATABASE_URL: hurried.databaseUrl });
  const jobs = await holdQueries(usual.databaseUrl, 'jobs');
  const waiting = submit(usual);
  await jobs.waits();
  const refused = (await (await submit(hurried)).json()) as { errors: { extensions: { code: string } }[] };
  expect(refused.errors.map(({ extensions }) => extensions.code)).toEqual(['SERVICE_UNAVAILABLE']);
  await jobs.release();
  expect(JSON.stringify(await (await waiting).json())).toContain('"userErrors":[]');
});

test('connections beyond MAX_CONNECTIONS are closed at once', async () => {
  const gateway = await startGateway({ MAX_CONNECTIONS: '10' });
  const port = Number(new URL(gateway.url).port);
  const sockets = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  await expect.poll(() => sockets.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(30);
  expect(sockets.filter(({ closed }) => closed).length).toBeLessThanOrEqual(40);
});

describe('the load of an instance', () => {
  test('is too high while the wait for database connections is too long, and until it has been low for a second', async () => {
    let waitMs = 0;
    let samples = 0;
    const load = startLoad({ maxEventLoopDelayMs: 60_000, maxDatabaseWaitMs: 100 }, () => waitMs);
    onTestFinished(load.stop);
    load.onSample(() => (samples += 1));
    await expect.poll(() => samples).toBeGreaterThan(2);
    expect(load.overload()).toBeNull();
    waitMs = 101;
    await expect.poll(() => load.overload(), { timeout: 20_000 }).toBe('DATABASE');
    waitMs = 60;
    const before = samples;
    await expect.poll(() => samples, { timeout: 20_000 }).toBeGreaterThan(before + 20);
    expect(load.overload()).toBe('DATABASE');
    waitMs = 0;
    await expect.poll(() => load.overload(), { timeout: 20_000 }).toBeNull();
  });
});
