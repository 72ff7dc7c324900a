/** The loop that delivers webhooks: its handling of slow hosts and of deliveries that got no connection. */
import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../src/db/connection/client.ts';
import { createWebhookStore } from '../../src/db/stores.ts';
import { createEgress } from '../../src/egress/egress.ts';
import { createDeliverer } from '../../src/webhooks/deliver.ts';
import { hostOf } from '../../src/webhooks/endpoints.ts';
import { createSealer } from '../../src/webhooks/seal-secrets.ts';
import { makeSecret } from '../../src/webhooks/sign.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { emptiedDatabase } from '../support/emptied-database.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

test('a delivery that gets no connection to its host in time does not count as a failure of the receiver', async () => {
  const [databaseUrl, receiver] = [await createDatabase(), await startWebhookReceiver()];
  const connections = createConnections(databaseUrl, 4, () => undefined);
  const egress = createEgress({
    allow: [{ kind: 'network', address: '127.0.0.1', prefix: 32, port: null }],
    maxConnectionsPerHost: 1,
    timeoutMs: 500,
    maxAnswerBytes: 100,
  });
  onTestFinished(async () => void (await Promise.all([connections.pool.end(), egress.stop()])));
  const store = createWebhookStore(connections);
  const sealer = createSealer(['a-secret-of-the-test-0123456789-0123456789']);
  receiver.answerWith(() => undefined);
  const endpoints = Array.from({ length: 5 }, () => randomUUID());
  for (const id of endpoints) {
    await store.transaction((tx) =>
      store.insertEndpoint(tx, {
        id,
        accountId: 'default',
        url: receiver.url,
        host: hostOf(receiver.url),
        eventTypes: ['motion_job.succeeded'],
      }),
    );
    // With the secret stored in advance, all requests begin at the same time: none waits for the database first.
    await store.ensureSecret(id, 'default', sealer.seal(makeSecret(), id));
    await store.transaction((tx) =>
      store.tellEndpoint(tx, id, { id: randomUUID(), accountId: 'default', type: 'webhook.test', body: '{}' }),
    );
  }
  // There are more deliveries than connections: the delivery that has the connection hangs until the timeout, and the
  // others wait for at most twice the timeout. The first failure disables an endpoint.
  const deliverer = createDeliverer({
    store,
    post: egress.post,
    sealer,
    log: pino({ level: 'silent' }),
    stepsMs: [60_000],
    disableAfterMs: -1,
    leaseMs: 600_000,
    atOnce: 100,
    perHost: 5,
    keepDays: 30,
    nudge: () => undefined,
  });
  await deliverer.runOnce();
  await deliverer.stop(60_000);
  const rows = await asAdministrator<{
    failure: string | null;
    state: string;
    failures: number;
    attempts: number;
    leased: boolean;
    status: string;
    failing: boolean;
  }>(
    `select a.failure, d.state, d.failures, d.attempts, d.next_attempt_at > now() + interval '5 minutes' as leased, e.status, e.failing_since is not null as failing
     from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id left join webhook_attempts a on a.delivery_id = d.id`,
    databaseUrl,
  );
  const [tried, untried] = [rows.filter(({ attempts }) => attempts > 0), rows.filter(({ attempts }) => attempts === 0)];
  expect([tried.length, untried.length].every((count) => count >= 2)).toBe(true);
  expect(new Set(tried.map(({ failure, status, failing }) => `${failure} ${status} ${failing}`))).toEqual(
    new Set(['TIMED_OUT DISABLED true']),
  );
  // The delivery is still leased: it is attempted again when the lease expires, with all its attempts left.
  expect(untried.map((row) => ({ ...row }))).toEqual(
    untried.map(() => ({
      failure: null,
      state: 'DUE',
      failures: 0,
      attempts: 0,
      leased: true,
      status: 'ACTIVE',
      failing: false,
    })),
  );
});

const emptied = emptiedDatabase();
const QUICK = { kind: 'answered', httpStatus: 500, ms: 500 } as const;
const SLOW = { kind: 'answered', httpStatus: 500, ms: 501 } as const;

test.each([
  ['fails quickly', false, [QUICK]],
  ['fails slowly', true, [SLOW]],
  ['is not reached in time', true, [{ kind: 'failed', reason: 'TIMED_OUT', ms: 10_000 }]],
  ['succeeds slowly', false, [{ kind: 'answered', httpStatus: 200, ms: 10_000 }]],
  ['fails quickly after it has failed slowly', false, [SLOW, QUICK]],
  ['succeeds after it has failed slowly', false, [SLOW, { kind: 'answered', httpStatus: 200, ms: 10_000 }]],
] as const)('a host that %s is limited to one delivery at a time: %s', async (_name, isSlow, answers) => {
  const { connections } = await emptied();
  const store = createWebhookStore(connections);
  const sealer = createSealer(['a-secret-of-the-test-0123456789-0123456789']);
  const [id, url] = [randomUUID(), 'https://receiver.example.com/hook'];
  await store.transaction((tx) =>
    store.insertEndpoint(tx, {
      id,
      accountId: 'default',
      url,
      host: hostOf(url),
      eventTypes: ['motion_job.succeeded'],
    }),
  );
  await store.transaction((tx) =>
    store.tellEndpoint(tx, id, { id: randomUUID(), accountId: 'default', type: 'webhook.test', body: '{}' }),
  );
  const slowHosts: (readonly string[])[] = [];
  const claim: typeof store.claim = (limits) => (slowHosts.push(limits.slowHosts), store.claim(limits));
  const posted = [...answers];
  const deliverer = createDeliverer({
    store: { ...store, claim },
    post: () => Promise.resolve(posted.shift()!),
    sealer,
    log: pino({ level: 'silent' }),
    stepsMs: [1],
    disableAfterMs: 60_000,
    leaseMs: 600_000,
    atOnce: 100,
    perHost: 5,
    keepDays: 30,
    nudge: () => undefined,
  });
  while (posted.length > 0) {
    await deliverer.runOnce();
    await deliverer.stop(60_000);
  }
  await deliverer.runOnce();
  expect(slowHosts.at(-1)).toEqual(isSlow ? [hostOf(url)] : []);
});
