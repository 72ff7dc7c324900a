/** Events that become deliveries after the commit: which endpoints get them, in which batches, and each only once. */
import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../src/db/connection/client.ts';
import { createWebhookStore } from '../../src/db/stores.ts';
import type { JobEventType } from '../../src/webhooks/webhook.ts';
import { asAdministrator } from '../support/database.ts';
import { emptiedDatabase, type EmptiedDatabase } from '../support/emptied-database.ts';
import { startGateway } from '../support/gateway.ts';
import { ALLOW_LOOPBACK, isBelieved, startWebhookReceiver } from '../support/webhook-receiver.ts';
import { webhooksOf } from '../support/webhooks.ts';

const accountId = 'acme';
const ENDS: readonly JobEventType[] = ['motion_job.succeeded', 'motion_job.failed', 'motion_job.canceled'];
const LIMITS = { events: 10, deliveries: 100 };

const emptied = emptiedDatabase();

function openDatabase(url: string): EmptiedDatabase {
  const connections = createConnections(url, 4, () => undefined);
  onTestFinished(() => connections.pool.end());
  return { url, connections };
}

async function startStore(databaseUrl?: string) {
  const { url, connections } = databaseUrl === undefined ? await emptied() : openDatabase(databaseUrl);
  const store = createWebhookStore(connections);
  const query = <T extends Record<string, unknown>>(text: string) => asAdministrator<T>(text, url);
  const makeAccount = (name: string) =>
    query(`insert into accounts (id, name, status) values ('${name}', 'An account', 'ACTIVE')`);
  const makeEndpoint = async (eventTypes: readonly JobEventType[] = ENDS, account = accountId): Promise<string> => {
    const id = randomUUID();
    await store.transaction((tx) =>
      store.insertEndpoint(tx, {
        id,
        accountId: account,
        url: `https://hooks.example.com/${id}`,
        host: 'hooks.example.com',
        eventTypes,
      }),
    );
    return id;
  };
  const tell = async (
    type: JobEventType = 'motion_job.succeeded',
    account = accountId,
    own: { url: string; host: string; format: 'STANDARD'; body: null } | null = null,
  ) => {
    const id = randomUUID();
    const isWanted = await store.transaction((tx) =>
      store.tell(tx, { id, accountId: account, jobId: null, type, body: '{}', own }),
    );
    return { id, isWanted };
  };
  const receivers = async () =>
    (await query<{ endpoint: string | null }>('select endpoint_id as endpoint from webhook_deliveries'))
      .map(({ endpoint }) => endpoint)
      .sort();
  const pending = async () =>
    (await query<{ n: number }>('select count(*)::int as n from webhook_events where needs_fan_out'))[0]!.n;
  if (databaseUrl === undefined) await makeAccount(accountId);
  return {
    url,
    store,
    query,
    makeAccount,
    makeEndpoint,
    tell,
    receivers,
    pending,
    fanOut: (limits = LIMITS) => store.fanOut(limits),
  };
}

describe('a job event', () => {
  test.each([
    ['no endpoint', [], 'motion_job.succeeded', false],
    ['an endpoint that wants another type', [['motion_job.failed']], 'motion_job.succeeded', false],
    ['an endpoint that wants it', [['motion_job.failed'], ['motion_job.succeeded']], 'motion_job.succeeded', true],
    ['endpoints that want ends only', [ENDS, ENDS], 'motion_job.processing', false],
    ['an endpoint that wants everything', [['motion_job.processing', ...ENDS]], 'motion_job.processing', true],
    ['an endpoint that wants cancellations', [['motion_job.canceled']], 'motion_job.canceled', true],
  ] as const)('is stored if wanted: %s, endpoints %j, type %s, stored %s', async (_whom, wanted, type, isStored) => {
    const { makeEndpoint, tell, query } = await startStore();
    for (const types of wanted) await makeEndpoint(types);
    expect((await tell(type)).isWanted).toBe(isStored);
    expect(await query('select needs_fan_out from webhook_events')).toEqual(isStored ? [{ needs_fan_out: true }] : []);
    expect(await query('select 1 from webhook_deliveries')).toEqual([]);
  });

  test('is not stored for endpoints of other accounts or for disabled endpoints', async () => {
    const { store, makeAccount, makeEndpoint, tell, query } = await startStore();
    await makeAccount('other');
    await makeEndpoint(ENDS, 'other');
    const disabled = await makeEndpoint();
    await store.transaction((tx) => store.changeEndpoint(tx, accountId, disabled, { status: 'DISABLED' }));
    expect((await tell()).isWanted).toBe(false);
    expect(await query('select 1 from webhook_events')).toEqual([]);
  });

  test("is stored with the delivery to the job's own URL, which the fan-out does not repeat", async () => {
    const { makeEndpoint, tell, receivers, pending, fanOut } = await startStore();
    const own = { url: 'https://own.example.com/', host: 'own.example.com', format: 'STANDARD', body: null } as const;
    expect((await tell('motion_job.succeeded', accountId, own)).isWanted).toBe(true);
    expect([await receivers(), await pending()]).toEqual([[null], 0]);
    const endpoint = await makeEndpoint();
    await tell('motion_job.succeeded', accountId, own);
    expect([await receivers(), await pending()]).toEqual([[null, null], 1]);
    expect(await fanOut()).toEqual({ made: 1, done: 1, left: 0 });
    expect(await receivers()).toEqual([endpoint, null, null].sort());
  });
});

describe('the fan-out of an event', () => {
  test('reaches the endpoints that are active and want its type at the moment of the fan-out', async () => {
    const { store, makeEndpoint, tell, receivers, fanOut } = await startStore();
    const change = (id: string, to: Parameters<typeof store.changeEndpoint>[3]) =>
      store.transaction((tx) => store.changeEndpoint(tx, accountId, id, to));
    const [kept, disabled, deleted, narrowed, widened, enabled, flickering] = [
      await makeEndpoint(),
      await makeEndpoint(),
      await makeEndpoint(),
      await makeEndpoint(),
      await makeEndpoint(['motion_job.failed']),
      await makeEndpoint(),
      await makeEndpoint(),
    ];
    await change(enabled, { status: 'DISABLED' });
    await tell();
    await change(disabled, { status: 'DISABLED' });
    await store.transaction((tx) => store.deleteEndpoint(tx, accountId, deleted));
    await change(narrowed, { eventTypes: ['motion_job.failed'] });
    await change(widened, { eventTypes: ['motion_job.failed', 'motion_job.succeeded'] });
    await change(enabled, { status: 'ACTIVE' });
    await change(flickering, { status: 'DISABLED' });
    await change(flickering, { status: 'ACTIVE' });
    const created = await makeEndpoint();
    expect(await fanOut()).toEqual({ made: 5, done: 1, left: 0 });
    expect(await receivers()).toEqual([kept, widened, enabled, flickering, created].sort());
    // An endpoint that is created after the fan-out does not get the event.
    await makeEndpoint();
    expect(await fanOut()).toEqual({ made: 0, done: 0, left: 0 });
  });

  test('runs in bounded batches and reaches each endpoint once', async () => {
    const { makeEndpoint, tell, receivers, fanOut } = await startStore();
    const endpoints: string[] = [];
    for (let made = 0; made < 7; made += 1) endpoints.push(await makeEndpoint());
    await tell();
    await tell();
    const portions: unknown[] = [];
    for (let round = 0; round < 5; round += 1) portions.push(await fanOut({ events: 10, deliveries: 4 }));
    expect(portions).toEqual([
      { made: 4, done: 0, left: 2 },
      { made: 4, done: 1, left: 1 },
      { made: 4, done: 0, left: 1 },
      { made: 2, done: 1, left: 0 },
      { made: 0, done: 0, left: 0 },
    ]);
    expect(await receivers()).toEqual([...endpoints, ...endpoints].sort());
  });

  test('reaches each endpoint once while three instances run it concurrently', async () => {
    const { url, makeEndpoint, tell, receivers, pending, fanOut } = await startStore();
    const others = [await startStore(url), await startStore(url)];
    const endpoints: string[] = [];
    for (let made = 0; made < 5; made += 1) endpoints.push(await makeEndpoint());
    for (let told = 0; told < 40; told += 1) await tell();
    while ((await pending()) > 0)
      await Promise.all(
        [fanOut, ...others.map((other) => other.fanOut)].flatMap((work) => [
          work({ events: 3, deliveries: 7 }),
          work({ events: 3, deliveries: 7 }),
        ]),
      );
    expect(await receivers()).toEqual(endpoints.flatMap((id) => Array.from({ length: 40 }, () => id)).sort());
  });

  test('shares a batch equally between accounts', async () => {
    const { makeAccount, makeEndpoint, tell, query, fanOut } = await startStore();
    for (let made = 0; made < 5; made += 1) await makeEndpoint();
    for (let told = 0; told < 50; told += 1) await tell();
    const others = ['b', 'z', 'A', 'account 2'];
    for (const other of others) {
      await makeAccount(other);
      await makeEndpoint(ENDS, other);
      await tell('motion_job.succeeded', other);
    }
    await fanOut({ events: 10, deliveries: 20 });
    const shares = await query<{ account: string; n: number }>(
      'select account_id as account, count(*)::int as n from webhook_deliveries group by 1',
    );
    expect(new Map(shares.map(({ account, n }) => [account, n]))).toEqual(
      new Map([[accountId, 4], ...others.map((other) => [other, 1] as const)]),
    );
  });

  test('starts with the accounts that have waited longest', async () => {
    const { makeAccount, makeEndpoint, tell, query, fanOut } = await startStore();
    const accounts = ['d', 'c', 'b', 'a'];
    for (const account of accounts) {
      await makeAccount(account);
      await makeEndpoint(ENDS, account);
      await tell('motion_job.succeeded', account);
    }
    const told = async () =>
      (await query<{ account: string }>('select account_id as account from webhook_deliveries order by 1')).map(
        ({ account }) => account,
      );
    expect(await fanOut({ events: 2, deliveries: 10 })).toEqual({ made: 2, done: 2, left: 0 });
    expect(await told()).toEqual(['c', 'd']);
    await fanOut({ events: 2, deliveries: 10 });
    expect(await told()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('does not happen if the transaction of the job is rolled back', async () => {
    const { store, makeEndpoint, pending, query } = await startStore();
    await makeEndpoint();
    await store
      .transaction(async (tx) => {
        await store.tell(tx, {
          id: randomUUID(),
          accountId,
          jobId: null,
          type: 'motion_job.succeeded',
          body: '{}',
          own: null,
        });
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    expect([await pending(), await query('select 1 from webhook_events')]).toEqual([0, []]);
  });

  test('precedes the deletion of the event by age', async () => {
    const { store, makeEndpoint, tell, query, fanOut, receivers } = await startStore();
    const endpoint = await makeEndpoint();
    await tell();
    await query(`update webhook_events set created_at = now() - interval '40 days'`);
    expect(await store.deleteEventsByAge(30, 10)).toBe(0);
    await fanOut();
    expect(await receivers()).toEqual([endpoint]);
    expect(await store.deleteEventsByAge(30, 10)).toBe(0);
    await query(`update webhook_deliveries set state = 'DELIVERED', next_attempt_at = null`);
    expect(await store.deleteEventsByAge(30, 10)).toBe(1);
  });
});

test('the database refuses a second delivery of an event to an endpoint', async () => {
  const { makeEndpoint, tell, fanOut, query } = await startStore();
  await makeEndpoint();
  await tell();
  await fanOut();
  await expect(
    query(
      `insert into webhook_deliveries (id, event_id, account_id, endpoint_id, url, host, format, next_attempt_at) select gen_random_uuid(), event_id, account_id, endpoint_id, url, host, format, now() from webhook_deliveries`,
    ),
  ).rejects.toThrow('webhook_deliveries_by_event');
});

describe('a gateway', () => {
  test('fans out an event that another instance committed before it ended, and signs the delivery', async () => {
    const [first, receiver] = [await startGateway(ALLOW_LOOPBACK), await startWebhookReceiver()];
    const { secret } = await webhooksOf(first.client).create({ url: receiver.url });
    await first.stop();
    const { store } = await startStore(first.databaseUrl);
    const id = randomUUID();
    await store.transaction((tx) =>
      store.tell(tx, {
        id,
        accountId: 'default',
        jobId: null,
        type: 'motion_job.succeeded',
        body: '{"type":"motion_job.succeeded"}',
        own: null,
      }),
    );
    await startGateway({ ...ALLOW_LOOPBACK, DATABASE_URL: first.databaseUrl });
    await expect.poll(() => receiver.received.map((one) => one.id)).toEqual([id]);
    expect(isBelieved(receiver.received[0]!, secret!)).toBe(true);
  });

  test('sends due deliveries while the fan-out fails, logs the failure, and fans out once the fan-out works again', async () => {
    const [gateway, receiver] = [await startGateway(ALLOW_LOOPBACK), await startWebhookReceiver()];
    const webhooks = webhooksOf(gateway.client);
    const { endpoint } = await webhooks.create({ url: receiver.url });
    await asAdministrator('alter table webhook_events rename column needs_fan_out to hidden', gateway.databaseUrl);
    await webhooks.test(endpoint!.id);
    await expect.poll(() => receiver.received.map(({ event }) => event.type)).toEqual(['webhook.test']);
    await expect.poll(() => gateway.logs.map(({ msg }) => msg)).toContain('delivering webhooks failed; retrying');
    await asAdministrator('alter table webhook_events rename column hidden to needs_fan_out', gateway.databaseUrl);
    await gateway.client.untilEnd((await gateway.client.generate()).id);
    await expect
      .poll(() => receiver.received.map(({ event }) => event.type))
      .toEqual(['webhook.test', 'motion_job.succeeded']);
  });

  test('fans out while hanging receivers occupy all of its delivery slots', async () => {
    const [gateway, hanging] = [
      await startGateway({ ...ALLOW_LOOPBACK, MAX_WEBHOOKS_AT_ONCE: '1' }),
      await startWebhookReceiver(),
    ];
    const webhooks = webhooksOf(gateway.client);
    hanging.answerWith(() => undefined);
    const { endpoint } = await webhooks.create({ url: hanging.url });
    await webhooks.test(endpoint!.id);
    await expect.poll(() => hanging.received.length).toBe(1);
    const { id } = await gateway.client.generate();
    await gateway.client.untilEnd(id);
    await expect
      .poll(async () => (await webhooks.deliveries({ jobId: id })).nodes)
      .toMatchObject([{ state: 'DUE', attempts: [] }]);
    expect(hanging.received).toHaveLength(1);
  });
});
