/** Delivery of webhooks: attempts, receivers that are down, slow, or gone, and the retention of events and attempts. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../src/db/connection/client.ts';
import { createWebhookStore } from '../../src/db/stores.ts';
import { judge } from '../../src/webhooks/deliver.ts';
import { nextTryMs } from '../../src/webhooks/retry-schedule.ts';
import { makeAccount } from '../support/administrator.ts';
import { asAdministrator } from '../support/database.ts';
import { emptiedDatabase } from '../support/emptied-database.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { ALLOW_LOOPBACK, startWebhookReceiver } from '../support/webhook-receiver.ts';
import { webhooksOf } from '../support/webhooks.ts';

const start = (settings: Record<string, string> = {}) =>
  startGateway({ ...ALLOW_LOOPBACK, WEBHOOK_RETRY_SECONDS: '0.1,0.1,0.1', ...settings });

const together = shared(() => start());

/** Returns the shared gateway with a client of a new account. */
async function join() {
  const gateway = together();
  const { id, client } = await makeAccount(gateway);
  return { ...gateway, accountId: id, client };
}

async function makeEndpoint(gateway: Pick<TestGateway, 'client'>, url: string) {
  const webhooks = webhooksOf(gateway.client);
  const { endpoint } = await webhooks.create({ url });
  const { id } = endpoint!;
  return {
    ...webhooks,
    id,
    find: async () => (await webhooks.list()).find((one) => one.id === id)!,
    newest: async () => (await webhooks.deliveries({ endpointId: id })).nodes[0]!,
    send: () => webhooks.test(id),
  };
}

describe('the retry schedule', () => {
  const stepsMs = [5_000, 300_000, 1_800_000];

  test('waits for the duration of each step, plus or minus a fifth, and then ends', () => {
    expect([1, 2, 3, 4].map((failures) => nextTryMs(failures, stepsMs, 0.5))).toEqual([
      5_000,
      300_000,
      1_800_000,
      null,
    ]);
    expect([0, 1].map((chance) => nextTryMs(1, stepsMs, chance))).toEqual([4_000, 6_000]);
  });

  test.each([
    [200, 'DELIVERED'],
    [204, 'DELIVERED'],
    [299, 'DELIVERED'],
    [199, 'DUE'],
    [301, 'DUE'],
    [302, 'DUE'],
    [400, 'DUE'],
    [404, 'DUE'],
    [429, 'DUE'],
    [500, 'DUE'],
    [410, 'FAILED'],
  ])('maps status %i to %s', (httpStatus, state) => {
    expect(judge({ kind: 'answered', httpStatus, ms: 1 }, 0, stepsMs).state).toBe(state);
    expect(judge({ kind: 'failed', reason: 'RESET', ms: 1 }, 3, stepsMs).state).toBe('FAILED');
  });
});

describe('a receiver that is down', () => {
  test('gets retries with the same id and body until it answers, and every attempt is in the log', async () => {
    const [gateway, receiver] = [await join(), await startWebhookReceiver()];
    const endpoint = await makeEndpoint(gateway, receiver.url);
    receiver.answerWith((response) =>
      receiver.received.length === 1
        ? response.writeHead(500).end()
        : receiver.received.length === 2
          ? response.socket!.resetAndDestroy()
          : response.writeHead(200).end(),
    );
    await endpoint.send();
    await expect.poll(async () => (await endpoint.newest()).state).toBe('DELIVERED');
    expect(receiver.received).toHaveLength(3);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    const { attempts, eventId, nextAttemptAt } = await endpoint.newest();
    expect(eventId).toBe(receiver.received[0]!.id);
    expect(nextAttemptAt).toBeNull();
    expect(attempts).toMatchObject([
      { number: 1, httpStatus: 500, failure: null },
      { number: 2, httpStatus: null, failure: 'RESET' },
      { number: 3, httpStatus: 200, failure: null },
    ]);
    expect((await endpoint.find()).failingSince).toBeNull();
  });

  test('for all attempts fails the delivery, and a redelivery that its owner requests has all attempts again', async () => {
    const [gateway, receiver] = [await join(), await startWebhookReceiver()];
    const endpoint = await makeEndpoint(gateway, receiver.url);
    receiver.answerWith(503);
    await endpoint.send();
    await expect.poll(async () => (await endpoint.newest()).state).toBe('FAILED');
    expect(receiver.received).toHaveLength(4);
    expect((await endpoint.find()).failingSince).not.toBeNull();
    const { id } = await endpoint.newest();
    expect((await webhooksOf((await makeAccount(gateway)).client).redeliver(id)).userErrors).toMatchObject([
      { code: 'NOT_FOUND' },
    ]);
    expect((await endpoint.redeliver(id)).delivery).toMatchObject({
      id,
      state: 'DUE',
      attempts: expect.objectContaining({ length: 4 }) as object,
    });
    await expect.poll(async () => (await endpoint.newest()).state).toBe('FAILED');
    expect(receiver.received).toHaveLength(8);
    receiver.answerWith(200);
    await endpoint.redeliver(id);
    await expect.poll(async () => (await endpoint.newest()).state).toBe('DELIVERED');
    expect(new Set(receiver.received.map((received) => received.id)).size).toBe(1);
    expect((await endpoint.newest()).attempts.at(-1)).toMatchObject({ number: 9, httpStatus: 200 });
  });

  test('for too long is disabled with a visible reason, and gets redeliveries once it is enabled again', async () => {
    const [gateway, receiver] = [
      await start({ WEBHOOK_DISABLE_SECONDS: '3600', WEBHOOK_RETRY_SECONDS: '0.1,60' }),
      await startWebhookReceiver(),
    ];
    const endpoint = await makeEndpoint(gateway, receiver.url);
    receiver.answerWith(500);
    await endpoint.send();
    await expect.poll(async () => (await endpoint.newest()).attempts.length).toBe(2);
    expect(await endpoint.find()).toMatchObject({ status: 'ACTIVE' });
    await asAdministrator(
      `update webhook_endpoints set failing_since = now() - interval '2 hours'`,
      gateway.databaseUrl,
    );
    await endpoint.send();
    await expect.poll(() => endpoint.find()).toMatchObject({ status: 'DISABLED', disabledReason: 'FAILING' });
    expect((await endpoint.deliveries()).nodes.map(({ state }) => state)).toEqual(['STOPPED', 'STOPPED']);
    expect((await endpoint.send()).userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
    const { id } = await endpoint.newest();
    expect((await endpoint.redeliver(id)).userErrors).toMatchObject([{ code: 'ENDPOINT_DISABLED' }]);
    receiver.answerWith(200);
    expect((await endpoint.update({ id: endpoint.id, enabled: true })).endpoint).toMatchObject({
      status: 'ACTIVE',
      disabledReason: null,
      failingSince: null,
    });
    await endpoint.redeliver(id);
    await expect.poll(async () => (await endpoint.newest()).state).toBe('DELIVERED');
  });
});

test('a receiver that answers 410 is disabled immediately and gets no further deliveries', async () => {
  const [gateway, receiver] = [await join(), await startWebhookReceiver()];
  const endpoint = await makeEndpoint(gateway, receiver.url);
  receiver.answerWith(410);
  await endpoint.send();
  await expect.poll(() => endpoint.find()).toMatchObject({ status: 'DISABLED', disabledReason: 'GONE' });
  expect(await endpoint.newest()).toMatchObject({ state: 'FAILED', attempts: [{ httpStatus: 410 }] });
  await gateway.client.untilEnd((await gateway.client.generate()).id);
  expect((await endpoint.deliveries()).nodes).toHaveLength(1);
  expect(receiver.received).toHaveLength(1);
});

test('a delivery that becomes due while its endpoint is disabled or deleted is not sent', async () => {
  const [gateway, receiver] = [await join(), await startWebhookReceiver()];
  const [disabled, deleted] = [await makeEndpoint(gateway, receiver.url), await makeEndpoint(gateway, receiver.url)];
  for (const { send, id } of [disabled, deleted]) {
    await send();
    await expect
      .poll(async () => (await disabled.deliveries({ endpointId: id })).nodes.map(({ state }) => state))
      .toEqual(['DELIVERED']);
  }
  await disabled.update({ id: disabled.id, enabled: false });
  await deleted.delete(deleted.id);
  // The state that results if the process that settles a job has read the endpoint just before the change.
  await asAdministrator(
    `update webhook_deliveries set state = 'DUE', next_attempt_at = now() where account_id = '${gateway.accountId}'`,
    gateway.databaseUrl,
  );
  await expect
    .poll(async () => (await disabled.deliveries()).nodes.map(({ state }) => state))
    .toEqual(['STOPPED', 'STOPPED']);
  expect(receiver.received).toHaveLength(2);
  expect(
    await asAdministrator(`select 1 from webhook_secrets where owner = '${deleted.id}'`, gateway.databaseUrl),
  ).toEqual([]);
});

test('a redirect counts as a failure and is not followed', async () => {
  const [gateway, receiver, target] = [await join(), await startWebhookReceiver(), await startWebhookReceiver()];
  const endpoint = await makeEndpoint(gateway, receiver.url);
  receiver.answerWith((response) => response.writeHead(307, { location: target.url }).end());
  await endpoint.send();
  await expect.poll(async () => (await endpoint.newest()).state).toBe('FAILED');
  expect((await endpoint.newest()).attempts.map(({ httpStatus }) => httpStatus)).toEqual([307, 307, 307, 307]);
  expect(target.received).toEqual([]);
});

test('a receiver that hangs delays no other receiver, and gets at most four deliveries at a time', async () => {
  // No attempt times out while the test runs.
  const [gateway, hanging, quick] = [
    await start({ EGRESS_TIMEOUT_SECONDS: '300', WEBHOOK_RETRY_SECONDS: '0.1', MAX_WEBHOOKS_AT_ONCE: '8' }),
    await startWebhookReceiver(),
    await startWebhookReceiver(),
  ];
  let [open, most] = [0, 0];
  hanging.answerWith((response) => {
    most = Math.max(most, (open += 1));
    response.once('close', () => (open -= 1));
  });
  const [slow, fast] = [await makeEndpoint(gateway, hanging.url), await makeEndpoint(gateway, quick.url)];
  await Promise.all(Array.from({ length: 20 }, () => slow.send()));
  await expect.poll(() => open).toBe(4);
  await Promise.all(Array.from({ length: 20 }, () => fast.send()));
  await expect.poll(() => quick.received.length).toBe(20);
  expect([open, most, hanging.received.length]).toEqual([4, 4, 4]);
});

const emptied = emptiedDatabase(2);

test('a delivery whose worker died is due again when its lease expires, and late results of that worker change nothing', async () => {
  const { url: databaseUrl, connections } = await emptied();
  const store = createWebhookStore(connections);
  const endpoint = await store.transaction((tx) =>
    store.insertEndpoint(tx, {
      id: randomUUID(),
      accountId: 'default',
      url: 'https://hooks.example.com/',
      host: 'hooks.example.com',
      eventTypes: ['motion_job.succeeded'],
    }),
  );
  const eventId = '01990000-0000-7000-8000-000000000001';
  await store.transaction((tx) =>
    store.tellEndpoint(tx, endpoint.id, {
      id: eventId,
      accountId: 'default',
      type: 'webhook.test',
      body: '{"type":"webhook.test"}',
    }),
  );
  const claim = (leaseMs: number) => store.claim({ limit: 10, perHost: 4, leaseMs, busyHosts: [], slowHosts: [] });
  const [dead] = await claim(500);
  expect(dead!.eventId).toBe(eventId);
  // Only the lease makes the delivery due: nothing writes the row in the meantime.
  let alive: Awaited<ReturnType<typeof claim>> = [];
  await expect.poll(async () => (alive = await claim(600_000)).length).toBe(1);
  expect(alive[0]!.leasedUntil.getTime()).toBeGreaterThan(dead!.leasedUntil.getTime());
  expect(await claim(600_000)).toEqual([]);

  const stored = () =>
    asAdministrator(
      `select state, attempts, failures, next_attempt_at, (select count(*)::int from webhook_attempts) as logged from webhook_deliveries`,
      databaseUrl,
    );
  const before = await stored();
  expect(before).toMatchObject([{ state: 'DUE', attempts: 0, failures: 0, logged: 0 }]);
  const tried = { httpStatus: 200, failure: null, latencyMs: 1, nextInMs: null, state: 'DELIVERED' } as const;
  expect(await store.recordSuccess(dead!, tried)).toBe(false);
  expect(
    await store.transaction((tx) => store.record(tx, dead!, { ...tried, httpStatus: 410, state: 'FAILED' })),
  ).toBeNull();
  await store.giveUp(dead!);
  expect(await stored()).toEqual(before);
  expect(await store.recordSuccess(alive[0]!, tried)).toBe(true);
  expect(await stored()).toEqual([{ state: 'DELIVERED', attempts: 1, failures: 0, next_attempt_at: null, logged: 1 }]);
});

test.each([
  [410, null],
  [500, null],
  [200, '2026-01-01 00:00:00+00'],
])(
  'an answer of %i that arrives after the lease was lost does not change the endpoint',
  async (status, failingSince) => {
    const [gateway, receiver] = [await join(), await startWebhookReceiver()];
    const endpoint = await makeEndpoint(gateway, receiver.url);
    await asAdministrator(
      `update webhook_endpoints set failing_since = ${failingSince === null ? 'null' : `'${failingSince}'`} where id = '${endpoint.id}'`,
      gateway.databaseUrl,
    );
    const held: ServerResponse[] = [];
    receiver.answerWith((response) => void held.push(response));
    await endpoint.send();
    await expect.poll(() => held.length).toBe(1);
    // The state that results if another instance has claimed the delivery since.
    await asAdministrator(
      `update webhook_deliveries set next_attempt_at = now() + interval '1 hour' where endpoint_id = '${endpoint.id}'`,
      gateway.databaseUrl,
    );
    const { id } = await endpoint.newest();
    held[0]!.writeHead(status).end();
    await expect
      .poll(() =>
        gateway.logs.filter(
          ({ msg, httpStatus, deliveryId }) => msg === 'webhook' && httpStatus === status && deliveryId === id,
        ),
      )
      .toHaveLength(1);
    expect(
      await asAdministrator(
        `select status, disabled_reason, failing_since::text from webhook_endpoints where id = '${endpoint.id}'`,
        gateway.databaseUrl,
      ),
    ).toEqual([
      {
        status: 'ACTIVE',
        disabled_reason: null,
        failing_since: failingSince && (expect.stringContaining('2026-01-01') as string),
      },
    ]);
    expect(await endpoint.newest()).toMatchObject({ state: 'DUE', attempts: [] });
  },
);

test('a claim takes deliveries for every host, those that have waited longest first, and only one for a slow host', async () => {
  const { url: databaseUrl, connections } = await emptied();
  const store = createWebhookStore(connections);
  await asAdministrator(
    `insert into webhook_events (id, account_id, type, body) values ('01990000-0000-7000-8000-000000000002', 'default', 'webhook.test', '{}');
     insert into webhook_deliveries (id, event_id, account_id, url, host, format, next_attempt_at)
     select gen_random_uuid(), '01990000-0000-7000-8000-000000000002', 'default', 'http://' || host || '/', host, 'STANDARD', now() - number * interval '1 second'
     from (values ('a', 1), ('b', 2), ('c', 3), ('d', 4)) hosts (host, number), generate_series(1, 100)`,
    databaseUrl,
  );
  const hostsOf = async (limits: Partial<Parameters<typeof store.claim>[0]>) =>
    (await store.claim({ limit: 100, perHost: 3, leaseMs: 60_000, busyHosts: [], slowHosts: [], ...limits }))
      .map(({ host }) => host)
      .sort()
      .join('');
  expect(await hostsOf({ limit: 2, perHost: 1 })).toBe('cd');
  expect(await hostsOf({ busyHosts: ['a'], slowHosts: ['b'] })).toBe('bcccddd');
  expect(await hostsOf({})).toBe('aaabbbcccddd');
});

test('pages of deliveries have no gaps and are ordered newest first', async () => {
  const [gateway, receiver] = [await join(), await startWebhookReceiver()];
  const endpoint = await makeEndpoint(gateway, receiver.url);
  await Promise.all(Array.from({ length: 7 }, () => endpoint.send()));
  const all = (await endpoint.deliveries()).nodes.map(({ id }) => id);
  const seen: string[] = [];
  for (let after: string | undefined; ;) {
    const { nodes, pageInfo } = await endpoint.deliveries({ first: 3, ...(after !== undefined && { after }) });
    seen.push(...nodes.map(({ id }) => id));
    if (!pageInfo.hasNextPage) break;
    after = pageInfo.endCursor!;
  }
  expect(seen).toEqual(all);
  await expect.poll(() => receiver.received.length).toBe(7);
  // The second cursor has a date in the year 33658.
  for (const after of ['x', Buffer.from(`delivery 999999999999999 ${all[0]!}`).toString('base64url')]) {
    const query = 'query ($after: String) { webhookDeliveries(after: $after) { nodes { id } } }';
    const { errors } = await gateway.client.request(query, { after });
    expect(errors, after).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  }
});

test('events are deleted by age, except those with a delivery that is still due', async () => {
  const [gateway, receiver] = [await start(), await startWebhookReceiver()];
  const endpoint = await makeEndpoint(gateway, receiver.url);
  await endpoint.send();
  await expect.poll(async () => (await endpoint.newest()).state).toBe('DELIVERED');
  await endpoint.send();
  await expect.poll(() => receiver.received.length).toBe(2);
  await gateway.stop();
  await asAdministrator(
    `update webhook_events set created_at = now() - interval '40 days'; update webhook_deliveries set state = 'DUE', next_attempt_at = now() where event_id = '${receiver.received[1]!.id}'`,
    gateway.databaseUrl,
  );
  const connections = createConnections(gateway.databaseUrl, 1, () => undefined);
  onTestFinished(() => connections.pool.end());
  const store = createWebhookStore(connections);
  expect([await store.deleteEventsByAge(30, 10), await store.deleteEventsByAge(30, 10)]).toEqual([1, 0]);
  expect(await asAdministrator('select count(*)::int as attempts from webhook_attempts', gateway.databaseUrl)).toEqual([
    { attempts: 1 },
  ]);
});
