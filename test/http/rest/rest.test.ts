/** Tests the REST routes: permissions, error codes, and how long a connection is held. */
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { failureTellings } from '../../../src/http/rest/failure-codes.ts';
import { endOf, toTask } from '../../../src/http/rest/task-of-job.ts';
import { createServer } from '../../../src/http/server.ts';
import { failureCodes, type Job } from '../../../src/jobs/model/job.ts';
import { errorStatuses } from '../../../src/upstream/acedata/wire/envelopes.ts';
import { makeAccount } from '../../support/administrator.ts';
import { asAdministrator } from '../../support/database.ts';
import { startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { submittingJob } from '../../support/life.ts';
import { shared } from '../../support/on-end.ts';
import { createRestClient, openSubmit, SEED_BODY, type RestAnswer } from '../../support/rest.ts';

const UNKNOWN = '0199c0de-0000-7000-8000-000000000000';

async function start(settings: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, PUBLIC_URL: 'http://gateway.invalid', ...settings });
  return { upstream, gateway, rest: createRestClient(gateway) };
}

const restWith = ({ url }: TestGateway, apiKey: string) => createRestClient({ url, apiKey });
const told = ({ status, body: { error } }: RestAnswer) => [status, error?.code];

const makeKey = async (
  { client }: Pick<TestGateway, 'client'>,
  scopes: string,
  more = '',
): Promise<{ key: string; id: string }> => {
  const { data } = await client.request<{ createApiKey: { key: string; apiKey: { id: string } } }>(
    `mutation { createApiKey(input: { name: "x", scopes: [${scopes}] ${more} }) { key apiKey { id } } }`,
  );
  return { key: data.createApiKey.key, id: data.createApiKey.apiKey.id };
};

/** Gateway for tests that take no submit from the upstream. */
const common = shared(() => start({ UPSTREAM_MAX_IN_FLIGHT: '100', MAX_HELD_PER_KEY: '1' }));

describe('a credential', () => {
  test('that is no longer valid gets a specific error code', async () => {
    const { gateway } = common();
    const account = await makeAccount(gateway);
    const [expired, revoked, good] = [
      await makeKey(account, 'JOBS_READ'),
      await makeKey(account, 'JOBS_READ'),
      await makeKey(account, 'JOBS_READ'),
    ];
    await asAdministrator(
      `update api_keys set expires_at = now() - interval '1 s' where id = '${expired.id}'; update api_keys set revoked_at = now() where id = '${revoked.id}'`,
      gateway.databaseUrl,
    );
    const look = async (key: string) => told(await restWith(gateway, key).retrieve(UNKNOWN));
    expect(await look(expired.key)).toEqual([401, 'token_expired']);
    expect(await look(revoked.key)).toEqual([401, 'invalid_token']);
    expect(await look(`${good.key.slice(0, -1)}x`)).toEqual([401, 'invalid_token']);
    expect(await look(good.key)).toEqual([404, 'not_found']);
    await asAdministrator(`update accounts set status = 'DISABLED' where id = '${account.id}'`, gateway.databaseUrl);
    expect(await look(good.key)).toEqual([403, 'disabled']);
  });

  test('that is revoked while its request is held gets no result: it is rechecked periodically and when the job ends', async () => {
    const { gateway, upstream } = await start({ UPSTREAM_MAX_IN_FLIGHT: '2', SOCKET_RECHECK_SECONDS: '1' });
    const [soon, later] = [await makeKey(gateway, 'JOBS_WRITE'), await makeKey(gateway, 'JOBS_WRITE')];
    const revoke = (id: string) =>
      asAdministrator(`update api_keys set revoked_at = now() where id = '${id}'`, gateway.databaseUrl);
    const first = openSubmit({ url: gateway.url, apiKey: later.key }, { prompt: 'never ends' });
    await upstream.nextSubmit();
    await revoke(later.id);
    expect(told(await first.answer)).toEqual([401, 'invalid_token']);
    await gateway.stop();
    const slow = await startGateway({
      ...upstream.settings,
      DATABASE_URL: gateway.databaseUrl,
      PUBLIC_URL: 'http://gateway.invalid',
      UPSTREAM_MAX_IN_FLIGHT: '2',
    });
    const second = openSubmit({ url: slow.url, apiKey: soon.key });
    const submit = await upstream.nextSubmit();
    await expect.poll(slow.live.watchers).toBe(1);
    await revoke(soon.id);
    submit.answer(200, successOf('a'));
    const answer = await second.answer;
    expect([told(answer), JSON.stringify(answer.body).includes('video')]).toEqual([[401, 'invalid_token'], false]);
  });

  test('is limited to its scopes', async () => {
    const { gateway } = common();
    const [reader, writer] = [
      restWith(gateway, (await makeKey(gateway, 'JOBS_READ')).key),
      restWith(gateway, (await makeKey(gateway, 'JOBS_WRITE')).key),
    ];
    expect(told(await reader.submit({ async: true }))).toEqual([403, 'forbidden']);
    // The scopes are checked before the body.
    expect(told(await reader.post('/kling/motion', 'half'))).toEqual([403, 'forbidden']);
    const id = await writer.take();
    expect(told(await writer.retrieve(id))).toEqual([403, 'forbidden']);
    expect((await reader.retrieve(id)).body).toMatchObject({ id });
  });

  test('of a browser is limited to certain jobs, and all others appear not to exist', async () => {
    const { gateway, rest } = common();
    const [mine, other] = [await rest.take(), await rest.take({ prompt: 'other' })];
    const mint = async (input: string) =>
      (
        await gateway.client.request<{ createClientToken: { token: string } }>(
          `mutation { createClientToken(input: { ${input} }) { token } }`,
        )
      ).data.createClientToken.token;
    const browser = restWith(gateway, await mint(`scopes: [JOBS_READ], jobIds: ["${mine}"]`));
    expect((await browser.retrieve(mine)).body).toMatchObject({ id: mine });
    expect(told(await browser.retrieve(other))).toEqual([404, 'not_found']);
    for (const asked of [{ ids: [other, mine] }, {}])
      expect((await browser.retrieveBatch(asked)).body).toMatchObject({ items: [{ id: mine }], count: 1 });
    expect(told(await browser.submit())).toEqual([403, 'forbidden']);
  });

  test('of an administrator can read for the account that it names, but never write', async () => {
    const { gateway, rest } = common();
    const id = await rest.take();
    const administrator = restWith(gateway, gateway.administratorKey);
    expect(told(await administrator.retrieve(id))).toEqual([403, 'forbidden']);
    const headers = { 'x-account-id': 'default' };
    expect((await administrator.post('/kling/tasks', { action: 'retrieve', id }, headers)).body).toMatchObject({ id });
    expect(told(await administrator.submit({}, headers))).toEqual([403, 'forbidden']);
  });
});

test("another account's tasks get exactly the same answers as unknown ones", async () => {
  const { gateway, rest } = common();
  const id = await rest.take();
  const { key } = await makeAccount(gateway);
  const stranger = restWith(gateway, key);
  const plain = ({ status, body }: RestAnswer) =>
    JSON.stringify([status, { ...body, trace_id: null }]).replaceAll(id, UNKNOWN);
  expect(plain(await stranger.retrieve(id))).toBe(plain(await stranger.retrieve(UNKNOWN)));
  expect(plain(await stranger.retrieveBatch({ ids: [id] }))).toBe(
    plain(await stranger.retrieveBatch({ ids: [UNKNOWN] })),
  );
  expect((await stranger.retrieveBatch({})).body).toEqual({ items: [], count: 0 });
  expect((await rest.retrieve(id)).status).toBe(200);
});

describe('a request over a limit', () => {
  test('on requests gets too_many_requests, and each answer reports the remaining requests of the key', async () => {
    const { gateway, rest } = await start({ REQUESTS_PER_MINUTE: '2' });
    const { headers } = await rest.retrieve(UNKNOWN);
    expect([headers.get('ratelimit-policy'), headers.get('ratelimit')?.split(';')[1]]).toEqual([
      '"requests";q=2;w=60',
      'r=1',
    ]);
    // Both interfaces share one count.
    await gateway.client.request('{ __typename }');
    const over = await rest.retrieve(UNKNOWN);
    expect([...told(over), Number(over.headers.get('retry-after')) > 0]).toEqual([429, 'too_many_requests', true]);
  });

  test('on submits, counted across all instances and both interfaces, gets too_many_requests', async () => {
    const { gateway, rest } = await start({ SUBMITS_PER_MINUTE: '2' });
    const second = await startGateway({ DATABASE_URL: gateway.databaseUrl, SUBMITS_PER_MINUTE: '2' });
    await rest.take();
    await second.client.generate();
    const over = await rest.submit({ async: true });
    expect(told(over)).toEqual([429, 'too_many_requests']);
    // The remainder of the minute that began with the first submit.
    expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(over.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  });

  test('on held connections is refused before anything is accepted', async () => {
    const { gateway, rest } = common();
    const count = async () =>
      (await asAdministrator<{ jobs: number }>('select count(*)::int as jobs from jobs', gateway.databaseUrl))[0]!.jobs;
    const before = await count();
    const held = openSubmit(gateway);
    await expect.poll(gateway.live.watchers).toBe(1);
    expect(told(await rest.submit({ prompt: 'more' }))).toEqual([429, 'too_many_requests']);
    await rest.take({ prompt: 'not held' });
    expect(await count()).toBe(before + 2);
    held.hangUp();
    await expect.poll(gateway.live.watchers).toBe(0);
    const next = openSubmit(gateway, { prompt: 'more' });
    await expect.poll(gateway.live.watchers).toBe(1);
    next.hangUp();
    await expect.poll(gateway.live.watchers).toBe(0);
  });

  test('set by the quota gets used_up, and nothing is stored', async () => {
    const { gateway } = common();
    const count = async () =>
      (
        await asAdministrator<{ bodies: number }>(
          'select count(*)::int as bodies from rest_bodies',
          gateway.databaseUrl,
        )
      )[0]!.bodies;
    const before = await count();
    const { key } = await makeAccount(gateway, { quotaLimit: 1 });
    const rest = restWith(gateway, key);
    await rest.take();
    expect(told(await rest.submit({ async: true, prompt: 'more' }))).toEqual([403, 'used_up']);
    expect(await count()).toBe(before + 1);
  });
});

describe('a record', () => {
  test('of a job from GraphQL has a request built from its fields', async () => {
    const { gateway, rest } = common();
    const job = await gateway.client.generate({ mode: 'PRO' as never, watermark: true });
    const { body } = await rest.retrieve(job.id.toUpperCase());
    expect(body).toMatchObject({
      id: job.id,
      trace_id: job.id,
      request: { ...SEED_BODY, mode: 'pro', keep_original_sound: 'yes', watermark_info: { enabled: true } },
      response: {},
    });
  });

  test('has the trace id of the request that created it, and the trace id of every answer is also in the logs', async () => {
    const { gateway, rest } = common();
    const { headers, body } = await rest.submit({ async: true, prompt: 'traced' });
    const record = await rest.retrieve(body.task_id!);
    expect(record.body.trace_id).toBe(headers.get('x-request-id'));
    expect(gateway.logs.filter(({ reqId }) => reqId === record.body.trace_id)).toMatchObject([
      { jobId: body.task_id },
      { route: '/kling/motion', status: 200 },
    ]);
    const refused = await rest.submit({ mode: 'fast' });
    expect(refused.body.trace_id).toBe(refused.headers.get('x-request-id'));
    expect(gateway.logs.some(({ reqId, status }) => reqId === refused.body.trace_id && status === 400)).toBe(true);
  });

  test('is deleted with its job', async () => {
    const { gateway, rest, upstream } = await start();
    const id = await rest.take();
    (await upstream.nextSubmit()).answer(200, successOf('a'));
    await gateway.client.untilEnd(id);
    await gateway.client.request(`mutation { deleteMotionJob(input: { id: "${id}" }) { deletedId } }`);
    expect(told(await rest.retrieve(id))).toEqual([404, 'not_found']);
    expect(
      await asAdministrator(
        'select job_id from rest_bodies union all select job_id from rest_requests',
        gateway.databaseUrl,
      ),
    ).toEqual([]);
  });

  const job = (more: Partial<Job>): Job => ({ ...submittingJob(), ...more });
  const failure = { message: 'Why.', upstreamCode: null, upstreamTraceId: null, charge: 'NOT_CHARGED' } as const;

  test.each([
    ...failureCodes.map((code) => [code, job({ state: 'FAILED', failure: { ...failure, code } })] as const),
    ['CANCELED', job({ state: 'CANCELED' })] as const,
  ])('of a job that ended with %s has its code, and the answer has the matching status', (name, ended) => {
    const { code } = failureTellings[name];
    const task = toTask(ended, null);
    expect(task.response).toEqual({
      success: false,
      task_id: ended.id,
      trace_id: ended.id,
      error: { code, message: expect.any(String) as string },
    });
    expect(endOf(ended, 'trace')?.httpStatus).toBe(errorStatuses[code]);
  });

  test.each(['QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING'] as const)(
    'of a job in state %s has no result',
    (state) => {
      expect(toTask(job({ state, completedAt: new Date() }), null)).toMatchObject({ response: null, finishedAt: null });
    },
  );

  test('of a video of unknown length omits the duration', () => {
    const video = { id: 'v', url: 'https://a.com/a.mp4', durationSeconds: null, urlExpiresAt: null };
    expect(toTask(job({ state: 'SUCCEEDED', video }), null).response).not.toHaveProperty('duration');
  });
});

describe('a held connection', () => {
  test('outlasts the request timeout, and an incomplete request gets 408', async () => {
    const app = await createServer({
      logger: pino({ level: 'silent' }),
      maxBodyBytes: 1_024,
      trustProxy: null,
      origins: { allowsAny: false, allows: () => false },
      isOurHost: () => true,
      logRefusal: () => undefined,
      requestTimeoutMs: 100,
    });
    onTestFinished(() => app.close());
    app.get('/held', () => new Promise((resolve) => setTimeout(() => resolve('held'), 1_000)));
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const slow = connect(port, '127.0.0.1');
    slow.write('GET /held HTTP/1.1\r\nhost: a\r\n');
    const [answer] = (await once(slow, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 408 /);
    expect(await (await fetch(`http://127.0.0.1:${port}/held`)).text()).toBe('held');
  });

  test('is answered in time when the gateway stops, and the repeat joins at another instance', async () => {
    const { gateway, upstream } = await start();
    const held = openSubmit(gateway);
    const submit = await upstream.nextSubmit();
    submit.answer(200, { task_id: 'a' });
    await expect.poll(gateway.live.watchers).toBe(1);
    // Otherwise it would be held for ten minutes.
    const [answer] = await Promise.all([held.answer, gateway.stop()]);
    expect([...told(answer), typeof answer.body.task_id]).toEqual([504, 'timeout', 'string']);
    const next = await startGateway({
      ...upstream.settings,
      DATABASE_URL: gateway.databaseUrl,
      POLL_FIRST_SECONDS: '0.05',
      POLL_INTERVAL_SECONDS: '0.05',
    });
    const repeat = openSubmit(next);
    await expect.poll(next.live.watchers).toBe(1);
    repeat.hangUp();
    expect(await asAdministrator('select id from jobs', gateway.databaseUrl)).toEqual([{ id: answer.body.task_id }]);
  });

  test('of a job that is deleted in the meantime gets 404', async () => {
    const { gateway } = common();
    const held = openSubmit(gateway, { prompt: 'to delete' });
    await expect.poll(gateway.live.watchers).toBe(1);
    await asAdministrator(
      `with gone as (delete from jobs where prompt = 'to delete' returning id, account_id) select pg_notify('job_changed', id || ' 99 ' || account_id) from gone`,
      gateway.databaseUrl,
    );
    expect(told(await held.answer)).toEqual([404, 'not_found']);
  });
});

test('REST=off disables all REST routes', async () => {
  const gateway = await startGateway({ REST: 'off' });
  for (const path of ['/kling/motion', '/kling/tasks'])
    expect((await restWith(gateway, gateway.apiKey).post(path, SEED_BODY)).status).toBe(404);
});
