/** Webhooks: their recipients, their content, and their signatures. */
import { describe, expect, test } from 'vitest';
import { BrokenSealError, createSealer } from '../../src/webhooks/seal-secrets.ts';
import { makeAccount } from '../support/administrator.ts';
import { EXAMPLE } from '../support/client.ts';
import { asAdministrator } from '../support/database.ts';
import { callBack, recordOf, startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { ALLOW_LOOPBACK, isBelieved, startWebhookReceiver } from '../support/webhook-receiver.ts';
import { ALL_TYPES, webhooksOf } from '../support/webhooks.ts';

/** The fields of a job that are plain data. */
const JOB = `id version state isTerminal sandbox imageUrl videoUrl prompt mode model characterOrientation keepOriginalSound watermark labels { key value } webhookUrl idempotencyKey taskId
  video { id url durationSeconds urlExpiresAt } failure { code message upstreamCode upstreamTraceId worthRetrying charge final } settledBy createdAt submittedAt completedAt updatedAt`;

const start = (settings: Record<string, string> = {}) => startGateway({ ...ALLOW_LOOPBACK, ...settings });

const together = shared(() => start({ MAX_WEBHOOK_ENDPOINTS: '2' }));

/** Returns the shared gateway with a client of a new account. */
async function join() {
  const gateway = together();
  const { id, client } = await makeAccount(gateway);
  return { ...gateway, accountId: id, client };
}

describe('an endpoint', () => {
  test('receives signed events about jobs, with the job as the API shows it', async () => {
    // A job whose callback arrives before the answer to the submit is stored is never PROCESSING.
    const [gateway, receiver] = [await start({ SANDBOX_SECONDS: '3' }), await startWebhookReceiver()];
    const { secret, endpoint } = await webhooksOf(gateway.client).create({ url: receiver.url, eventTypes: ALL_TYPES });
    const { id } = await gateway.client.generate({ labels: [{ key: 'order', value: '7' }], idempotencyKey: 'one' });
    await gateway.client.untilEnd(id);
    await expect
      .poll(() => receiver.received.map(({ event }) => event.type).sort())
      .toEqual(['motion_job.processing', 'motion_job.succeeded']);
    const ended = receiver.received.find(({ event }) => event.type === 'motion_job.succeeded')!;
    const { data } = await gateway.client.request<{ motionJob: object }>(
      `query ($id: ID!) { motionJob(id: $id) { ${JOB} } }`,
      { id },
    );
    expect(ended.event).toEqual({
      type: 'motion_job.succeeded',
      timestamp: expect.any(String) as string,
      data: { job: data.motionJob },
    });
    expect(receiver.received.every((received) => isBelieved(received, secret!))).toBe(true);
    expect(new Set(receiver.received.map((received) => received.id)).size).toBe(2);
    expect(ended.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/) as string,
    });
    expect((await webhooksOf(gateway.client).deliveries({ endpointId: endpoint!.id })).nodes).toMatchObject([
      { state: 'DELIVERED', jobId: id, attempts: [{ number: 1, httpStatus: 204, failure: null }] },
      { state: 'DELIVERED' },
    ]);
  });

  test('receives only the events that it subscribes to, and only those of its account', async () => {
    const upstream = await startFakeUpstream();
    const [gateway, receiver] = [
      await start({ ...upstream.settings, UPSTREAM_MAX_IN_FLIGHT: '1' }),
      await startWebhookReceiver(),
    ];
    const other = await makeAccount(gateway);
    await webhooksOf(gateway.client).create({ url: receiver.url, eventTypes: ['MOTION_JOB_CANCELED'] });
    await webhooksOf(other.client).create({ url: receiver.url, eventTypes: ['MOTION_JOB_FAILED'] });
    const failing = await gateway.client.generate();
    (await upstream.nextSubmit()).answer(403, { error: { code: 'forbidden', message: 'no' } });
    await gateway.client.untilEnd(failing.id);
    await gateway.client.generate();
    const waiting = await gateway.client.generate();
    await upstream.nextSubmit();
    await gateway.client.request('mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id } } }', {
      id: waiting.id,
    });
    await expect
      .poll(() => receiver.received.map(({ event }) => [event.type, event.data.job.id]))
      .toEqual([['motion_job.canceled', waiting.id]]);
    expect((await webhooksOf(other.client).deliveries()).nodes).toEqual([]);
    expect((await webhooksOf(gateway.client).deliveries()).nodes).toHaveLength(1);
  });

  test('can be tested, changed, and deleted, and the ids of other accounts are treated as unknown', async () => {
    const [gateway, receiver] = [await join(), await startWebhookReceiver()];
    const [mine, others] = [webhooksOf(gateway.client), webhooksOf((await makeAccount(gateway)).client)];
    const { endpoint, secret } = await mine.create({ url: 'https://example.org/hook' });
    expect(endpoint!.eventTypes).toEqual(['MOTION_JOB_SUCCEEDED', 'MOTION_JOB_FAILED', 'MOTION_JOB_CANCELED']);
    const { id } = endpoint!;
    const unknown = [{ code: 'NOT_FOUND', field: ['input', 'id'] }];
    for (const stranger of [
      await others.update({ id, enabled: false }),
      await others.delete(id),
      await others.test(id),
      await mine.update({ id: 'nonsense', enabled: false }),
    ])
      expect(stranger.userErrors).toEqual(unknown);
    expect([await others.secret(id), await others.secret('nonsense')]).toEqual([null, null]);
    expect((await others.rotate(id)).userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
    await mine.update({ id, url: receiver.url });
    await mine.test(id);
    await expect.poll(() => receiver.received.length).toBe(1);
    expect(receiver.received[0]!.event.type).toBe('webhook.test');
    expect(isBelieved(receiver.received[0]!, secret!)).toBe(true);
    expect(await mine.secret(id)).toBe(secret);
    await mine.create({ url: receiver.url });
    expect((await mine.create({ url: receiver.url })).userErrors).toMatchObject([{ code: 'TOO_MANY' }]);
    expect(await mine.delete(id)).toEqual({ deletedId: id, userErrors: [] });
    expect(await mine.list()).toHaveLength(1);
    expect((await mine.delete(id)).userErrors).toEqual(unknown);
  });

  test('is recorded in the account log, with the actor and without its URL', async () => {
    const gateway = await join();
    const [{ last }] = (await asAdministrator<{ last: string }>(
      'select coalesce(max(id), 0)::text as last from account_log',
      gateway.databaseUrl,
    )) as [{ last: string }];
    const webhooks = webhooksOf(gateway.client);
    const { endpoint } = await webhooks.create({
      url: 'https://example.org/hook?token=secret',
      eventTypes: ['MOTION_JOB_FAILED'],
    });
    const { id } = endpoint!;
    await webhooks.update({ id, enabled: false });
    await webhooks.rotate(id);
    await webhooks.rotate(null);
    await webhooksOf((await makeAccount(gateway)).client).delete(id);
    await webhooks.delete(id);
    await webhooks.delete(id);
    const actor = expect.stringMatching(/^key [0-9a-f-]{36}$/) as string;
    const entries = await asAdministrator(
      `select account_id as account, actor, action, details from account_log where action like '%webhook%' and id > ${last} order by id`,
      gateway.databaseUrl,
    );
    expect(entries).toEqual([
      {
        account: gateway.accountId,
        actor,
        action: 'made a webhook endpoint',
        details: { endpointId: id, host: 'example.org', eventTypes: ['motion_job.failed'] },
      },
      {
        account: gateway.accountId,
        actor,
        action: 'changed a webhook endpoint',
        details: { endpointId: id, status: 'DISABLED' },
      },
      { account: gateway.accountId, actor, action: 'rotated a webhook secret', details: { endpointId: id } },
      { account: gateway.accountId, actor, action: 'rotated a webhook secret', details: { endpointId: null } },
      { account: gateway.accountId, actor, action: 'deleted a webhook endpoint', details: { endpointId: id } },
    ]);
  });

  test('has a limit of tests and redeliveries per minute across all instances, and events of jobs do not count', async () => {
    const [gateway, receiver] = [await start({ WEBHOOKS_ASKED_PER_MINUTE: '2' }), await startWebhookReceiver()];
    const webhooks = webhooksOf(gateway.client);
    const { endpoint } = await webhooks.create({ url: receiver.url });
    const { deliveryId } = await webhooks.test(endpoint!.id);
    await expect.poll(() => receiver.received.length).toBe(1);
    await webhooks.redeliver(deliveryId!);
    await expect.poll(() => receiver.received.length).toBe(2);
    const second = await start({ WEBHOOKS_ASKED_PER_MINUTE: '2', DATABASE_URL: gateway.databaseUrl });
    const { errors } = await second.client.request(
      'mutation ($id: ID!) { testWebhookEndpoint(input: { id: $id }) { deliveryId } }',
      { id: endpoint!.id },
    );
    expect(errors).toMatchObject([
      { extensions: { code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) as number } },
    ]);
    await gateway.client.untilEnd((await gateway.client.generate()).id);
    await expect.poll(() => receiver.received.length).toBe(3);
  });

  const guarded = shared(() => startGateway());
  test.each([
    ['http://127.0.0.1/', 'PRIVATE_ADDRESS'],
    ['http://localhost:8080/', 'PRIVATE_ADDRESS'],
    ['http://169.254.169.254/latest', 'PRIVATE_ADDRESS'],
    ['ftp://example.org/', 'INVALID_URL'],
    ['https://user:pass@example.org/', 'URL_HAS_CREDENTIALS'],
    ['https://example.org/' + 'x'.repeat(2_100), 'TOO_LONG'],
  ])('at %s is refused, and so is a job with this URL', async (url, code) => {
    const gateway = guarded();
    expect((await webhooksOf(gateway.client).create({ url })).userErrors).toEqual([{ code, field: ['input', 'url'] }]);
    const { data } = await gateway.client.request<{ generateMotion: { job: null; userErrors: object[] } }>(
      'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } userErrors { code field } } }',
      { input: { ...EXAMPLE, webhookUrl: url, prompt: 'x'.repeat(3_000) } },
    );
    expect(data.generateMotion).toEqual({
      job: null,
      userErrors: [
        { code: 'TOO_LONG', field: ['input', 'prompt'] },
        { code, field: ['input', 'webhookUrl'] },
      ],
    });
  });
});

describe("a job's own URL", () => {
  test('receives the event for the end of the job, signed with the secret of the account', async () => {
    const [gateway, receiver] = [await join(), await startWebhookReceiver()];
    const { id } = await gateway.client.generate({ webhookUrl: receiver.url });
    await gateway.client.untilEnd(id);
    await expect.poll(() => receiver.received.map(({ event }) => event.type)).toEqual(['motion_job.succeeded']);
    expect(receiver.received[0]!.event.data.job).toMatchObject({ id, webhookUrl: receiver.url });
    expect(isBelieved(receiver.received[0]!, (await webhooksOf(gateway.client).secret())!)).toBe(true);
    // The delivery is recorded after the receiver has answered.
    await expect
      .poll(async () => (await webhooksOf(gateway.client).deliveries({ jobId: id })).nodes)
      .toMatchObject([{ endpointId: null, state: 'DELIVERED' }]);
  });

  test('is part of the input that an idempotency key stands for', async () => {
    const gateway = await join();
    await gateway.client.generate({ idempotencyKey: 'a', webhookUrl: 'https://example.org/one' });
    const { data } = await gateway.client.request<{ generateMotion: object }>(
      'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { userErrors { code } } }',
      { input: { ...EXAMPLE, idempotencyKey: 'a', webhookUrl: 'https://example.org/two' } },
    );
    expect(data.generateMotion).toEqual({ userErrors: [{ code: 'IDEMPOTENCY_KEY_REUSED' }] });
  });

  test('receives a success after a failure that was not final, as a separate event with a higher version', async () => {
    const upstream = await startFakeUpstream();
    const gateway = await start({
      ...upstream.settings,
      JOB_DEADLINE_SECONDS: '0.3',
      PUBLIC_URL: 'http://gateway.invalid',
    });
    const receiver = await startWebhookReceiver();
    const { id } = await gateway.client.generate({ webhookUrl: receiver.url });
    const submit = await upstream.nextSubmit();
    submit.answer(200, { task_id: 'late' });
    await gateway.client.untilEnd(id);
    await expect.poll(() => receiver.received.length).toBe(1);
    upstream.records.set('late', recordOf('late', submit.body.callback_url, successOf('late')));
    await callBack(submit.body.callback_url!.replace('http://gateway.invalid', gateway.url), successOf('late'));
    await expect
      .poll(() => receiver.received.map(({ event }) => event.type))
      .toEqual(['motion_job.failed', 'motion_job.succeeded']);
    const [failed, succeeded] = receiver.received;
    expect(failed!.event.data.job).toMatchObject({ failure: { final: false } });
    expect(succeeded!.id).not.toBe(failed!.id);
    expect(succeeded!.event.data.job.version).toBeGreaterThan(failed!.event.data.job.version as number);
  });

  test('has no events or deliveries left after the job is deleted', async () => {
    const [gateway, receiver] = [await start({ WEBHOOK_RETRY_SECONDS: '0.5' }), await startWebhookReceiver()];
    receiver.answerWith(500);
    const { id } = await gateway.client.generate({ webhookUrl: receiver.url });
    await gateway.client.untilEnd(id);
    await expect.poll(() => receiver.received.length).toBe(1);
    await gateway.client.request('mutation ($id: ID!) { deleteMotionJob(input: { id: $id }) { deletedId } }', { id });
    expect(
      await asAdministrator(
        'select (select count(*) from webhook_events)::int as events, (select count(*) from webhook_deliveries)::int as deliveries',
        gateway.databaseUrl,
      ),
    ).toEqual([{ events: 0, deliveries: 0 }]);
  });
});

test('a webhook stays below 20 kB: long fields of the client are omitted, and their names are listed', async () => {
  const [gateway, receiver] = [await join(), await startWebhookReceiver()];
  const labels = Array.from({ length: 16 }, (_, index) => ({ key: `label-${index}`, value: '\u{1f600}'.repeat(250) }));
  const { id } = await gateway.client.generate({ webhookUrl: receiver.url, labels, prompt: '\u{1f600}'.repeat(2_500) });
  await gateway.client.untilEnd(id);
  await expect.poll(() => receiver.received.length).toBe(1);
  expect(Buffer.byteLength(receiver.received[0]!.body)).toBeLessThan(20_000);
  expect(receiver.received[0]!.event.data).toMatchObject({
    job: { id, labels: null, prompt: expect.any(String) as string },
    omitted: ['labels'],
  });
});

describe('webhook secrets', () => {
  test('open only in the context that they were sealed for', () => {
    const sealer = createSealer(['a-secret-0123456789-0123456789-0123456789']);
    const sealed = sealer.seal('whsec_secret', 'one');
    expect(sealer.open(sealed, 'one')).toBe('whsec_secret');
    expect(() => sealer.open(sealed, 'other')).toThrow(BrokenSealError);
    expect(() =>
      sealer.open(
        sealed.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
        'one',
      ),
    ).toThrow(BrokenSealError);
  });

  test('are rotated with an overlap of 24 hours in which both are accepted', async () => {
    const [gateway, receiver] = [await join(), await startWebhookReceiver()];
    const webhooks = webhooksOf(gateway.client);
    const { endpoint, secret } = await webhooks.create({ url: receiver.url });
    const { secret: next } = await webhooks.rotate(endpoint!.id);
    expect(await webhooks.secret(endpoint!.id)).toBe(next);
    await webhooks.test(endpoint!.id);
    await expect.poll(() => receiver.received.length).toBe(1);
    expect([secret, next].map((one) => isBelieved(receiver.received[0]!, one!))).toEqual([true, true]);
    const [{ hours }] = (await asAdministrator<{ hours: number }>(
      `select round(extract(epoch from previous_until - now()) / 3600)::int as hours from webhook_secrets where owner = '${endpoint!.id}'`,
      gateway.databaseUrl,
    )) as [{ hours: number }];
    expect(hours).toBe(24);
    await asAdministrator(
      `update webhook_secrets set previous_until = now() where owner = '${endpoint!.id}'`,
      gateway.databaseUrl,
    );
    await webhooks.test(endpoint!.id);
    await expect.poll(() => receiver.received.length).toBe(2);
    expect([secret, next].map((one) => isBelieved(receiver.received[1]!, one!))).toEqual([false, true]);
  });

  test('are sealed at rest, and opened by any listed application secret', async () => {
    const first = await start();
    const receiver = await startWebhookReceiver();
    const { endpoint, secret } = await webhooksOf(first.client).create({ url: receiver.url });
    expect(JSON.stringify(await asAdministrator('select * from webhook_secrets', first.databaseUrl))).not.toContain(
      secret!.slice(6, 20),
    );
    const settings = { DATABASE_URL: first.databaseUrl };
    const newer = 'a-newer-secret-0123456789-0123456789-0123456789';
    const second = await start({ ...settings, APP_SECRET: `${newer},test-secret-0123456789-0123456789-0123456789` });
    expect(await webhooksOf(second.client).secret(endpoint!.id)).toBe(secret);
    const third = await start({ ...settings, APP_SECRET: 'another-secret-0123456789-0123456789-0123456789' });
    const { errors } = await third.client.request('query ($id: ID) { webhookSecret(endpointId: $id) }', {
      id: endpoint!.id,
    });
    expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
  });

  test('are resealed when a gateway starts with another first application secret, which alone then opens them', async () => {
    const first = await start();
    const receiver = await startWebhookReceiver();
    const webhooks = webhooksOf(first.client);
    const { endpoint, secret: previous } = await webhooks.create({ url: receiver.url });
    const { secret } = await webhooks.rotate(endpoint!.id);
    const ofAccount = (await webhooks.rotate(null)).secret;
    const newer = 'a-newer-secret-0123456789-0123456789-0123456789';
    const settings = { DATABASE_URL: first.databaseUrl };
    const second = await start({ ...settings, APP_SECRET: `${newer},test-secret-0123456789-0123456789-0123456789` });
    await expect.poll(() => second.logs.filter((line) => 'resealed' in line)).toMatchObject([{ resealed: 2 }]);
    const third = await start({ ...settings, APP_SECRET: newer });
    expect([await webhooksOf(third.client).secret(endpoint!.id), await webhooksOf(third.client).secret(null)]).toEqual([
      secret,
      ofAccount,
    ]);
    await Promise.all([first.stop(), second.stop()]);
    await webhooksOf(third.client).test(endpoint!.id);
    await expect.poll(() => receiver.received.length).toBe(1);
    expect([previous, secret].map((one) => isBelieved(receiver.received[0]!, one!))).toEqual([true, true]);
    expect(third.logs.filter((line) => 'resealed' in line || 'owners' in line)).toEqual([]);
  });

  test('that no application secret can open are logged by owner and left unchanged', async () => {
    const first = await start();
    const { endpoint, secret } = await webhooksOf(first.client).create({ url: 'https://example.com/hook' });
    const second = await start({
      DATABASE_URL: first.databaseUrl,
      APP_SECRET: 'another-secret-0123456789-0123456789-0123456789',
    });
    await expect.poll(() => second.logs.filter((line) => 'owners' in line)).toMatchObject([{ owners: [endpoint!.id] }]);
    expect(await webhooksOf(first.client).secret(endpoint!.id)).toBe(secret);
  });
});
