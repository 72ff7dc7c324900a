/** Tests the limits on what one caller may request. */
import { once } from 'node:events';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { makeAccount } from '../../support/administrator.ts';
import { EXAMPLE } from '../../support/client.ts';
import { asAdministrator } from '../../support/database.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { shared } from '../../support/on-end.ts';
import { openSocket, subscribe, WATCH } from '../../support/socket.ts';

const ask = ({ url }: Pick<TestGateway, 'url'>, key: string | null, query = '{ __typename }') =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== null && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ query }),
  });

const codesOf = (answer: { errors?: readonly { extensions: Record<string, unknown> }[] }) =>
  answer.errors?.map(({ extensions }) => extensions.code);

const common = shared(() => startGateway({ SOCKET_MESSAGES_PER_SECOND: '10', MAX_COST: '300' }));

describe('requests', () => {
  test('are rate-limited by key, and each response reports the remaining requests', async () => {
    const gateway = await startGateway({ REQUESTS_PER_MINUTE: '3' });
    const other = await makeAccount(gateway);
    const standings = [];
    for (let number = 0; number < 4; number += 1) {
      const response = await ask(gateway, gateway.apiKey);
      const [remaining] = /(?<=r=)\d+/.exec(response.headers.get('ratelimit') ?? '') ?? [];
      standings.push([response.status, response.headers.get('ratelimit-policy'), remaining]);
      if (response.status !== 429) continue;
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await response.json()).toMatchObject({
        errors: [{ extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) as number } }],
      });
    }
    const policy = '"requests";q=3;w=60';
    expect(standings).toEqual([
      [200, policy, '2'],
      [200, policy, '1'],
      [200, policy, '0'],
      [429, policy, '0'],
    ]);
    expect((await ask(gateway, other.key)).status).toBe(200);
  });

  test('without a key are rate-limited by address', async () => {
    const gateway = await startGateway({ REQUESTS_PER_MINUTE: '2' });
    expect([
      (await ask(gateway, null)).status,
      (await ask(gateway, null)).status,
      (await ask(gateway, null)).status,
    ]).toEqual([200, 200, 429]);
    expect((await ask(gateway, gateway.apiKey)).status).toBe(200);
  });
});

describe('submits', () => {
  test('are rate-limited by key across all instances, and each one in a document counts', async () => {
    const gateway = await startGateway({ SUBMITS_PER_MINUTE: '4' });
    const second = await startGateway({ DATABASE_URL: gateway.databaseUrl, SUBMITS_PER_MINUTE: '4' });
    const three = `mutation ($input: GenerateMotionInput!) { ${['a', 'b', 'c'].map((name) => `${name}: generateMotion(input: $input) { job { id } }`).join(' ')} }`;
    expect((await gateway.client.request(three, { input: EXAMPLE })).errors).toBeUndefined();
    const { data, errors } = await second.client.request<Record<string, { job: object } | null>>(three, {
      input: EXAMPLE,
    });
    expect([data.a?.job, data.b, data.c]).toEqual([expect.any(Object), null, null]);
    expect(errors).toMatchObject([{ path: ['b'], extensions: { code: 'RATE_LIMITED' } }, { path: ['c'] }]);
    // The retry time is the remainder of the minute.
    await asAdministrator(`update rate_windows set started_at = now() - interval '40 seconds'`, gateway.databaseUrl);
    const [error] = (await second.client.request(three, { input: EXAMPLE })).errors!;
    const [now] = await asAdministrator<{ left: number }>(
      `select ceil(60 - extract(epoch from now() - min(started_at)))::int as left from rate_windows`,
      gateway.databaseUrl,
    );
    // However slow the request was, it reports the time that remained then, which is at least what remains now.
    expect(error!.extensions.retryAfterSeconds).toBeGreaterThanOrEqual(now!.left);
    expect(error!.extensions.retryAfterSeconds).toBeLessThanOrEqual(20);
    await (await makeAccount(gateway)).client.generate();
  });
});

describe('sockets', () => {
  test('are limited by address, and a closed one no longer counts', async () => {
    const gateway = await startGateway({ MAX_SOCKETS_PER_ADDRESS: '2' });
    const [first] = [await openSocket(gateway), await openSocket(gateway)];
    const refused = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    expect(((await once(refused, 'error')) as [Error])[0].message).toContain('429');
    // An invalid handshake does not count.
    for (let number = 0; number < 3; number += 1)
      await fetch(`${gateway.url}/graphql`, { headers: { connection: 'upgrade', upgrade: 'websocket' } }).catch(
        () => undefined,
      );
    first.socket.close();
    await first.closed;
    await openSocket(gateway);
  });

  test('are limited by key: one over the limit is closed with 1013, after which clients reconnect', async () => {
    const gateway = await startGateway({ MAX_SOCKETS_PER_KEY: '1' });
    const other = await makeAccount(gateway);
    const first = await openSocket(gateway);
    const second = await openSocket(gateway, { init: false });
    second.send({ type: 'connection_init', payload: { authorization: `Bearer ${gateway.apiKey}` } });
    expect(await second.closed).toBe(1013);
    await openSocket({ url: gateway.url, apiKey: other.key });
    first.socket.close();
    await first.closed;
    await openSocket(gateway);
  });

  test('of one key share a limit on subscriptions', async () => {
    const gateway = await startGateway({ MAX_SUBSCRIPTIONS_PER_KEY: '2', SANDBOX_SECONDS: '60' });
    const { id } = await gateway.client.generate();
    const [one, two] = [await openSocket(gateway), await openSocket(gateway)];
    for (const [socket, name] of [
      [one, 'a'],
      [two, 'b'],
    ] as const) {
      socket.send(subscribe(name, WATCH, { id }));
      expect(await socket.next()).toMatchObject({ id: name, type: 'next' });
    }
    two.send(subscribe('c', WATCH, { id }));
    for (;;) {
      const message = await two.next();
      if (message.id !== 'c') continue;
      expect(message).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } }] });
      break;
    }
    one.send({ id: 'a', type: 'complete' });
    await expect
      .poll(async () => {
        two.send(subscribe('d', WATCH, { id }));
        for (;;) {
          const message = await two.next();
          if (message.id === 'd') return message.type;
        }
      })
      .toBe('next');
  });

  test('that send too many messages are closed with 1013', async () => {
    const gateway = common();
    const socket = await openSocket(gateway);
    for (let number = 0; number < 90; number += 1) socket.send({ type: 'ping' });
    for (let number = 0; number < 90; number += 1) expect(await socket.next()).toMatchObject({ type: 'pong' });
    for (let number = 0; number < 40; number += 1) socket.send({ type: 'ping' });
    expect(await socket.closed).toBe(1013);
  });
});

describe('an operation', () => {
  test('is limited in the number of fields that it returns, counting lists at their requested length', async () => {
    const gateway = common();
    const cost = async (query: string, variables: object = {}) =>
      codesOf(await gateway.client.request(query, variables as Record<string, unknown>)) ?? 'within';
    expect(await cost('{ motionJobs(first: 100) { nodes { id } } }')).toBe('within');
    expect(await cost('{ motionJobs(first: 100) { nodes { id state version } } }')).toEqual(['OPERATION_TOO_LARGE']);
    expect(
      await cost('query ($first: Int!) { motionJobs(first: $first) { nodes { id state version } } }', { first: 1 }),
    ).toBe('within');
    expect(
      await cost('query ($first: Int!) { motionJobs(first: $first) { nodes { id state version } } }', { first: 100 }),
    ).toEqual(['OPERATION_TOO_LARGE']);
    expect(await cost('{ motionJobs { nodes { id state version taskId } } }')).toBe('within');
    expect(await cost('{ motionJobs(first: 3) { nodes { timeline(first: 60) { nodes { at } } } } }')).toEqual([
      'OPERATION_TOO_LARGE',
    ]);
    expect(
      await cost(
        '{ motionJobs(first: 100) { ...Page } } fragment Page on MotionJobConnection { nodes { id state version } }',
      ),
    ).toEqual(['OPERATION_TOO_LARGE']);
  });

  test('that takes too long gets an error that states whether a job may have been accepted', async () => {
    const gateway = await startGateway({ OPERATION_TIMEOUT_SECONDS: '0.5' });
    const db = new pg.Client({ connectionString: gateway.databaseUrl });
    await db.connect();
    onTestFinished(() => db.end());
    await db.query('begin; lock table jobs in access exclusive mode');
    const [read, submit] = await Promise.all([
      gateway.client.request('{ motionJobs { nodes { id } } }'),
      gateway.client.request(
        'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }',
        { input: { ...EXAMPLE, idempotencyKey: 'one' } },
      ),
    ]);
    expect([read.status, read.errors]).toEqual([
      503,
      [{ message: expect.any(String) as string, extensions: { code: 'OPERATION_TIMED_OUT' } }],
    ]);
    expect(submit.errors).toMatchObject([{ extensions: { code: 'OPERATION_TIMED_OUT', mayHaveBeenAccepted: true } }]);
    await db.query('commit');
    await expect
      .poll(
        async () =>
          (
            await gateway.client.request<{ motionJobs: { nodes: object[] } }>(
              '{ motionJobs { nodes { idempotencyKey } } }',
            )
          ).data.motionJobs.nodes,
      )
      .toEqual([{ idempotencyKey: 'one' }]);
  });
});
