/** Endpoints that are changed at the very moment when something is told to them, or a try is recorded. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../src/db/client.ts';
import { createWebhookStore } from '../src/db/store.ts';
import type { Transaction } from '../src/jobs/transaction.ts';
import { hostOf } from '../src/webhooks/endpoints.ts';
import type { DueDelivery } from '../src/webhooks/ports.ts';
import { asAdministrator, createDatabase } from './support/database.ts';

const accountId = 'acme';
const url = 'https://hooks.example.com/in';

async function start() {
  const databaseUrl = await createDatabase();
  const connections = createConnections(databaseUrl, 4, () => undefined);
  onTestFinished(() => connections.pool.end());
  const store = createWebhookStore(connections);
  await asAdministrator(`insert into accounts (id, name, status) values ('${accountId}', 'Acme', 'ACTIVE')`, databaseUrl);
  const { id } = await store.transaction((tx) => store.insertEndpoint(tx, { id: randomUUID(), accountId, url, host: hostOf(url), eventTypes: ['motion_job.succeeded'] }));
  const tell = (tx: Transaction) => store.tell(tx, { id: randomUUID(), accountId, jobId: null, type: 'motion_job.succeeded', body: '{}', own: null });
  const states = async () => (await store.listDeliveries(accountId, { first: 10, after: null })).map(({ state }) => state);
  /** Resolves when `promise` has ended, or waits for a lock that somebody else holds. */
  async function untilStuck(promise: Promise<unknown>): Promise<void> {
    let ended = false;
    void promise.catch(() => undefined).finally(() => (ended = true));
    await expect.poll(async () => ended || (await asAdministrator<{ n: number }>(`select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`, databaseUrl))[0]!.n > 0).toBe(true);
  }
  const claim = async (): Promise<DueDelivery> => (await store.claim({ limit: 1, perHost: 1, leaseMs: 60_000, busyHosts: [], slowHosts: [] }))[0]!;
  return { store, id, tell, states, untilStuck, claim };
}

const refused = { httpStatus: 500, failure: null, latencyMs: 1, nextInMs: 60_000, state: 'DUE' } as const;

test.each(['deleted', 'disabled'])('nothing stays due to an endpoint that is %s while it is told something', async (how) => {
  const { store, id, tell, states, untilStuck } = await start();
  const end = (tx: Transaction) => (how === 'deleted' ? store.deleteEndpoint(tx, accountId, id) : store.changeEndpoint(tx, accountId, id, { status: 'DISABLED' }));

  let telling: Promise<unknown> = Promise.resolve();
  await store.transaction(async (tx) => {
    await end(tx);
    telling = store.transaction(tell);
    await untilStuck(telling);
  });
  await telling;
  expect(await states()).not.toContain('DUE');
});

test.each(['deleted', 'disabled'])('what is told while an endpoint is being %s is stopped with the rest', async (how) => {
  const { store, id, tell, states, untilStuck } = await start();
  const end = (tx: Transaction) => (how === 'deleted' ? store.deleteEndpoint(tx, accountId, id) : store.changeEndpoint(tx, accountId, id, { status: 'DISABLED' }));

  let ending: Promise<unknown> = Promise.resolve();
  await store.transaction(async (tx) => {
    await tell(tx);
    ending = store.transaction<unknown>(end);
    await untilStuck(ending);
  });
  await ending;
  expect(await states()).toEqual(['STOPPED']);
});

test('what is asked for again while its endpoint is disabled does not become due', async () => {
  const { store, id, tell, states, untilStuck, claim } = await start();
  await store.transaction(tell);
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

test('an owner who disables an endpoint and a try that is recorded do not wait for each other in a circle', async () => {
  const { store, id, tell, untilStuck, claim } = await start();
  await store.transaction(tell);
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

test('the next try comes its full time after the last one was recorded, however long that had to wait for the endpoint', async () => {
  const { store, id, tell, untilStuck, claim } = await start();
  await store.transaction(tell);
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
  // Two looks at the clock in one statement.
  expect(delivery!.nextAttemptAt!.getTime() - attempt!.at.getTime()).toBeGreaterThan(refused.nextInMs - 50);
});

test('what an address says after its endpoint has moved counts for nothing', async () => {
  const { store, id, tell, states, claim } = await start();
  await store.transaction(tell);
  const due = await claim();
  const elsewhere = 'https://new.example.com/in';
  await store.transaction((tx) => store.changeEndpoint(tx, accountId, id, { url: elsewhere, host: hostOf(elsewhere) }));
  // It is gone there: that is why it moved.
  expect(await store.transaction((tx) => store.record(tx, due, { ...refused, httpStatus: 410, nextInMs: null, state: 'FAILED' }))).toBeNull();
  expect(await states()).toEqual(['DUE']);
});

test('what is told and what is delivered do not wait for each other', async () => {
  const { store, id, tell, states, claim } = await start();
  await store.transaction(tell);
  await store.transaction(tell);
  const [delivered, failed] = [await claim(), await claim()];
  // One after the other they are written while somebody tells, and while somebody records a failure.
  await store.transaction(async (tx) => {
    await tell(tx);
    await store.transaction(async (other) => {
      await store.record(other, failed, refused);
      await store.noteFailure(other, id);
      await store.transaction(async (third) => {
        await store.record(third, delivered, { ...refused, httpStatus: 200, nextInMs: null, state: 'DELIVERED' });
        await store.noteSuccess(third, id);
        await tell(third);
      });
    });
  });
  expect((await states()).sort()).toEqual(['DELIVERED', 'DUE', 'DUE', 'DUE']);
});
