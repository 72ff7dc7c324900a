/** Tests deliveries to the `callback_url` of REST requests: the gateway's webhooks, with the vendor's bodies. */
import { expect, test } from 'vitest';
import { makeAccount } from '../../support/administrator.ts';
import { asAdministrator } from '../../support/database.ts';
import {
  callBack,
  failureOf,
  recordOf,
  reportSuccess,
  startFakeUpstream,
  successOf,
} from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { shared } from '../../support/on-end.ts';
import { createRestClient } from '../../support/rest.ts';
import { ALLOW_LOOPBACK, isBelieved, startWebhookReceiver } from '../../support/webhook-receiver.ts';
import { webhooksOf } from '../../support/webhooks.ts';

async function start(settings: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({
    ...upstream.settings,
    ...ALLOW_LOOPBACK,
    PUBLIC_URL: 'http://gateway.invalid',
    WEBHOOK_RETRY_SECONDS: '0.1,0.1,0.1',
    ...settings,
  });
  return { upstream, gateway };
}

type Started = Awaited<ReturnType<typeof start>>;

/** Creates a new account at the gateway, and a receiver. */
async function join({ upstream, gateway }: Started) {
  const { id: accountId, key, client } = await makeAccount(gateway);
  return {
    upstream,
    gateway,
    accountId,
    rest: createRestClient({ url: gateway.url, apiKey: key }),
    client,
    webhooks: webhooksOf(client),
    receiver: await startWebhookReceiver(),
  };
}

const common = shared(() => start());

test('a delivery to callback_url is signed, reports the outcome at the end of the job, and is retried with the same id and bytes', async () => {
  const { gateway, upstream, rest, webhooks, receiver } = await join(common());
  receiver.answerWith(500);
  const id = await rest.take({ callback_url: receiver.url });
  const submit = await upstream.nextSubmit();
  submit.answer(200, { task_id: 'a' });
  expect(
    await reportSuccess(upstream, submit.body.callback_url!.replace('http://gateway.invalid', gateway.url), 'a'),
  ).toBe(200);
  await expect.poll(() => receiver.received.length).toBe(2);
  // A link that is renewed, as happens before it expires, changes the job, but not the reported outcome.
  await asAdministrator(
    `update jobs set result_url = 'https://cdn.example.com/later.mp4', version = version + 1 where id = '${id}'`,
    gateway.databaseUrl,
  );
  receiver.answerWith(200);
  await expect
    .poll(async () => (await webhooks.deliveries({ jobId: id })).nodes)
    .toMatchObject([{ state: 'DELIVERED', endpointId: null, eventType: 'MOTION_JOB_SUCCEEDED' }]);
  const { trace_id: traceId } = (await rest.retrieve(id)).body;
  const { video_url, video_id, duration } = successOf('a');
  expect(JSON.parse(receiver.received[0]!.body)).toEqual({
    success: true,
    state: 'succeed',
    task_id: id,
    trace_id: traceId,
    video_id,
    video_url,
    duration,
  });
  expect([
    new Set(receiver.received.map(({ body }) => body)).size,
    new Set(receiver.received.map((received) => received.id)).size,
  ]).toEqual([1, 1]);
  const secret = await webhooks.secret();
  expect(receiver.received.map((received) => isBelieved(received, secret!))).toEqual(receiver.received.map(() => true));
});

test('callback_url is notified of the end only, and webhook endpoints of their event types in their own format', async () => {
  const { upstream, gateway, rest, webhooks, receiver } = await join(common());
  const endpoint = await startWebhookReceiver();
  await webhooks.create({ url: endpoint.url, eventTypes: ['MOTION_JOB_PROCESSING', 'MOTION_JOB_FAILED'] });
  const id = await rest.take({ callback_url: receiver.url });
  const submit = await upstream.nextSubmit();
  submit.answer(200, { task_id: 'b' });
  await expect.poll(() => endpoint.received.map(({ event }) => event.type)).toEqual(['motion_job.processing']);
  expect(receiver.received).toEqual([]);
  await callBack(
    submit.body.callback_url!.replace('http://gateway.invalid', gateway.url),
    failureOf('b', 'api_error', 'no luck'),
  );
  await expect
    .poll(() => endpoint.received.map(({ event }) => event.type))
    .toEqual(['motion_job.processing', 'motion_job.failed']);
  await expect
    .poll(() => receiver.received.map(({ body }) => JSON.parse(body) as unknown))
    .toEqual([
      {
        success: false,
        task_id: id,
        trace_id: expect.any(String) as string,
        error: { code: 'api_error', message: 'no luck' },
      },
    ]);
  expect(endpoint.received[1]!.event.data.job).toMatchObject({ id, webhookUrl: receiver.url });
  expect(receiver.received[0]!.id).toBe(endpoint.received[1]!.id);
});

test('callback_url of a task that timed out gets a timeout, and a success if it succeeds later, each with its own id and bytes', async () => {
  const { gateway, upstream, rest, webhooks, receiver } = await join(await start({ JOB_DEADLINE_SECONDS: '0.3' }));
  const id = await rest.take({ callback_url: receiver.url });
  const submit = await upstream.nextSubmit();
  upstream.records.set('late', recordOf('late', submit.body.callback_url));
  submit.answer(200, { task_id: 'late' });
  await expect.poll(() => receiver.received.length).toBe(1);
  upstream.records.set('late', recordOf('late', submit.body.callback_url, successOf('late')));
  await callBack(submit.body.callback_url!.replace('http://gateway.invalid', gateway.url), successOf('late'));
  await expect.poll(() => receiver.received.length).toBe(2);
  const { trace_id: traceId } = (await rest.retrieve(id)).body;
  const told = { task_id: id, trace_id: traceId };
  expect(receiver.received.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
    { ...told, success: false, error: { code: 'timeout', message: expect.any(String) as string } },
    { ...told, ...successOf('late'), task_id: id },
  ]);
  expect(receiver.received[0]!.id).not.toBe(receiver.received[1]!.id);
  const secret = await webhooks.secret();
  expect(receiver.received.map((received) => isBelieved(received, secret!))).toEqual([true, true]);
});

test('callback_url of a canceled job gets bad_request', async () => {
  const { client, rest, receiver } = await join(await start({ UPSTREAM_MAX_IN_FLIGHT: '1' }));
  await rest.take();
  const id = await rest.take({ callback_url: receiver.url, prompt: 'another' });
  await client.request('mutation ($input: CancelMotionJobInput!) { cancelMotionJob(input: $input) { job { id } } }', {
    input: { id },
  });
  await expect
    .poll(() => receiver.received.map(({ body }) => JSON.parse(body) as unknown))
    .toEqual([
      {
        success: false,
        task_id: id,
        trace_id: expect.any(String) as string,
        error: { code: 'bad_request', message: 'The job was canceled.' },
      },
    ]);
});

test('callback_url is part of the input that an idempotency key identifies', async () => {
  const { gateway, upstream, accountId, rest, receiver } = await join(common());
  const key = { 'idempotency-key': 'one' };
  const id = await rest.take({ callback_url: receiver.url }, key);
  expect(await rest.take({ callback_url: receiver.url }, key)).toBe(id);
  expect((await rest.submit({ async: true }, key)).body.error).toMatchObject({ code: 'bad_request' });
  expect(
    await asAdministrator(
      `select count(*)::int as jobs from jobs where account_id = '${accountId}'`,
      gateway.databaseUrl,
    ),
  ).toEqual([{ jobs: 1 }]);
  await upstream.nextSubmit();
});
