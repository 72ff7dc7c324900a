/** Endpoints that change while an event is fanned out to them or an attempt is recorded. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { expect, test } from 'vitest';
import { createWebhookStore } from '../../src/db/stores.ts';
import type { Transaction } from '../../src/transaction.ts';
import { hostOf } from '../../src/webhooks/endpoints.ts';
import type { DueDelivery, WebhookStore } from '../../src/webhooks/ports.ts';
import { asAdministrator } from '../support/database.ts';
import { emptiedDatabase } from '../support/emptied-database.ts';

const accountId = 'acme';
const url = 'https://hooks.example.com/in';

const emptied = emptiedDatabase();

async function start() {
  const { url: databaseUrl, connections } = await emptied();
  const store = createWebhookStore(connections);
  await asAdministrator(
    `insert into accounts (id, name, status) values ('${accountId}', 'Acme', 'ACTIVE')`,
    databaseUrl,
  );
  const { id } = await store.transaction((tx) =>
    store.insertEndpoint(tx, {
      id: randomUUID(),
      accountId,
      url,
      host: hostOf(url),
      eventTypes: ['motion_job.succeeded'],
    }),
  );
  const event = () =>
    ({ id: randomUUID(), accountId, jobId: null, type: 'motion_job.succeeded', body: '{}', own: null }) as const;
  const tell = (tx: Transaction) => store.tell(tx, event());
  const fanOut = () => store.fanOut({ events: 10, deliveries: 100 });
  /** Stores an event and creates its deliveries. */
  const tellAll = async () => {
    await store.transaction(tell);
    await fanOut();
  };
  const states = async () =>
    (await store.listDeliveries(accountId, { first: 10, after: null })).map(({ state }) => state);
  /** Resolves when `promise` has settled, or when at least `count` sessions wait for a lock. */
  async function untilStuck(promise: Promise<unknown>, count = 1): Promise<void> {
    let ended = false;
    void promise.catch(() => undefined).finally(() => (ended = true));
    await expect
      .poll(
        async () =>
          ended ||
          (
            await asAdministrator<{ n: number }>(
              `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
              databaseUrl,
            )
          )[0]!.n >= count,
      )
      .toBe(true);
  }
  const claim = async (): Promise<DueDelivery> =>
    (await store.claim({ limit: 1, perHost: 1, leaseMs: 60_000, busyHosts: [], slowHosts: [] }))[0]!;
  return { databaseUrl, store, id, event, tell, fanOut, tellAll, states, untilStuck, claim };
}

const refused = { httpStatus: 500, failure: null, latencyMs: 1, nextInMs: 60_000, state: 'DUE' } as const;

const ends = {
  deleted: (store: WebhookStore, id: string) => (tx: Transaction) => store.deleteEndpoint(tx, accountId, id),
  disabled: (store: WebhookStore, id: string) => (tx: Transaction) =>
    store.changeEndpoint(tx, accountId, id, { status: 'DISABLED' }),
} as const;

test.each(['deleted', 'disabled'] as const)(
  'a fan-out skips an endpoint that is being %s, and creates no delivery to it afterwards',
  async (how) => {
    const { store, id, tell, fanOut, states } = await start();
    await store.transaction(tell);
    await store.transaction(async (tx) => {
      await ends[how](store, id)(tx);
      expect(await fanOut()).toEqual({ made: 0, done: 0, left: 1 });
    });
    expect(await fanOut()).toEqual({ made: 0, done: 1, left: 0 });
    expect(await states()).toEqual([]);
  },
);

test('a fan-out skips an endpoint whose URL is being changed, and then creates the delivery to the new URL', async () => {
  const { store, id, tell, fanOut } = await start();
  await store.transaction(tell);
  const elsewhere = 'https://new.example.com/in';
  await store.transaction(async (tx) => {
    await store.changeEndpoint(tx, accountId, id, { url: elsewhere, host: hostOf(elsewhere) });
    expect(await fanOut()).toEqual({ made: 0, done: 0, left: 1 });
  });
  expect(await fanOut()).toEqual({ made: 1, done: 1, left: 0 });
  expect(await store.listDeliveries(accountId, { first: 10, after: null })).toMatchObject([
    { url: elsewhere, state: 'DUE' },
  ]);
});

/**
 * Holds a fan-out that has locked the event and the endpoint but has not yet written the delivery, until `work` has
 * ended.
 */
async function whileFanningOut(
  { databaseUrl, store, id, event, fanOut, untilStuck }: Awaited<ReturnType<typeof start>>,
  work: () => Promise<void>,
): Promise<Awaited<ReturnType<typeof fanOut>>> {
  const told = event();
  await store.transaction((tx) => store.tell(tx, told));
  const blocker = new pg.Client({ connectionString: databaseUrl });
  await blocker.connect();
  try {
    // Because of the unique index, another writer of the same delivery waits for this transaction.
    await blocker.query(
      `begin; insert into webhook_deliveries (id, event_id, account_id, endpoint_id, url, host, format, next_attempt_at) values (gen_random_uuid(), '${told.id}', '${accountId}', '${id}', 'x', 'x', 'STANDARD', now())`,
    );
    const fanningOut = fanOut();
    await untilStuck(fanningOut);
    await work();
    await blocker.query('rollback');
    return await fanningOut;
  } finally {
    await blocker.end();
  }
}

test.each(['deleted', 'disabled'] as const)(
  'a delivery that is being created while its endpoint is being %s is stopped with the others',
  async (how) => {
    const running = await start();
    const { store, id, states, untilStuck } = running;
    let ending: Promise<unknown> = Promise.resolve();
    await whileFanningOut(running, async () => {
      ending = store.transaction<unknown>(ends[how](store, id));
      await untilStuck(ending, 2);
    });
    await ending;
    expect(await states()).toEqual(['STOPPED']);
  },
);

test('a delivery that is being created while the URL of its endpoint is being changed goes to the new URL', async () => {
  const running = await start();
  const { store, id, untilStuck } = running;
  const elsewhere = 'https://new.example.com/in';
  let moving: Promise<unknown> = Promise.resolve();
  await whileFanningOut(running, async () => {
    moving = store.transaction((tx) =>
      store.changeEndpoint(tx, accountId, id, { url: elsewhere, host: hostOf(elsewhere) }),
    );
    await untilStuck(moving, 2);
  });
  await moving;
  expect(await store.listDeliveries(accountId, { first: 10, after: null })).toMatchObject([
    { url: elsewhere, state: 'DUE' },
  ]);
});

test('an event that one instance is fanning out is skipped by the others', async () => {
  const running = await start();
  let other: unknown;
  const first = await whileFanningOut(running, async () => {
    other = await running.fanOut();
  });
  expect(other).toEqual({ made: 0, done: 0, left: 0 });
  expect(first).toEqual({ made: 1, done: 1, left: 0 });
  expect(await running.states()).toEqual(['DUE']);
});

test('an event is stored without waiting for an endpoint that is being deleted', async () => {
  const { databaseUrl, store, id, tell } = await start();
  const isWanted = await store.transaction(async (tx) => {
    await ends.deleted(store, id)(tx);
    // Settling a job locks no endpoint: a statement that waited would fail after its timeout.
    return store.transaction(tell);
  });
  expect(isWanted).toBe(true);
  expect(await asAdministrator('select needs_fan_out from webhook_events', databaseUrl)).toEqual([
    { needs_fan_out: true },
  ]);
});

test('a redelivery that is requested while the endpoint is being disabled does not become due', async () => {
  const { store, id, tellAll, states, untilStuck, claim } = await start();
  await tellAll();
  const { id: deliveryId } = await claim();
  let redelivering: Promise<unknown> = Promise.resolve();
  await store.transaction(async (tx) => {
    await store.changeEndpoint(tx, accountId, id, { status: 'DISABLED' });
    redelivering = store.transaction((other) => store.redeliver(other, accountId, deliveryId));
    await untilStuck(redelivering);
  });
  expect(await redelivering).toBe('disabled');
  expect(await states()).toEqual(['STOPPED']);
});

test('disabling an endpoint and recording an attempt do not deadlock', async () => {
  const { store, id, tellAll, untilStuck, claim } = await start();
  await tellAll();
  const due = await claim();
  let disabling: Promise<unknown> = Promise.resolve();
  await store.transaction(async (tx) => {
    await store.record(tx, due, refused);
    disabling = store.transaction((other) => store.changeEndpoint(other, accountId, id, { status: 'DISABLED' }));
    await untilStuck(disabling);
    await store.noteFailure(tx, id);
  });
  expect(await disabling).toMatchObject({ status: 'DISABLED' });
});

test('the next attempt is due the full delay after the last one is recorded, however long recording waits for the endpoint', async () => {
  const { store, id, tellAll, untilStuck, claim } = await start();
  await tellAll();
  const due = await claim();
  let recording: Promise<unknown> = Promise.resolve();
  await store.transaction(async (tx) => {
    await store.changeEndpoint(tx, accountId, id, { url });
    recording = store.transaction((other) => store.record(other, due, refused));
    await untilStuck(recording);
    await setTimeout(500);
  });
  await recording;
  const [delivery] = await store.listDeliveries(accountId, { first: 1, after: null });
  const [attempt] = (await store.listAttempts(accountId, [delivery!.id])).get(delivery!.id)!;
  // One statement reads the clock twice.
  expect(delivery!.nextAttemptAt!.getTime() - attempt!.at.getTime()).toBeGreaterThan(refused.nextInMs - 50);
});

test('an answer from an earlier URL is ignored once the endpoint has a new URL', async () => {
  const { store, id, tellAll, states, claim } = await start();
  await tellAll();
  const due = await claim();
  const elsewhere = 'https://new.example.com/in';
  await store.transaction((tx) => store.changeEndpoint(tx, accountId, id, { url: elsewhere, host: hostOf(elsewhere) }));
  // The receiver is gone at the earlier URL, which is why the endpoint has a new one.
  expect(
    await store.transaction((tx) =>
      store.record(tx, due, { ...refused, httpStatus: 410, nextInMs: null, state: 'FAILED' }),
    ),
  ).toBeNull();
  expect(await states()).toEqual(['DUE']);
});

test('storing events, fanning out, and recording attempts do not wait for each other', async () => {
  const { store, id, tell, fanOut, tellAll, states, claim } = await start();
  await tellAll();
  await tellAll();
  const [delivered, failed] = [await claim(), await claim()];
  // The endpoint is already failing, so that a success has to update it.
  await store.transaction((tx) => store.noteFailure(tx, id));
  // The writes run one after another while one open transaction has stored an event and another has recorded a failure.
  await store.transaction(async (tx) => {
    await tell(tx);
    await store.transaction(async (other) => {
      await store.record(other, failed, refused);
      await store.noteFailure(other, id);
      await tellAll();
      await store.transaction(async (third) => {
        expect(
          await store.recordSuccess(delivered, { ...refused, httpStatus: 200, nextInMs: null, state: 'DELIVERED' }),
        ).toBe(true);
        await tell(third);
      });
    });
  });
  expect(await fanOut()).toEqual({ made: 2, done: 2, left: 0 });
  expect((await states()).sort()).toEqual(['DELIVERED', 'DUE', 'DUE', 'DUE', 'DUE']);
});
