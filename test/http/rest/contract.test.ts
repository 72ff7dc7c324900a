/**
 * Tests the vendor's contract, by the examples in its documentation, on both servers of the contract: the sandbox, and
 * the gateway's REST routes.
 */
import { describe, expect, test } from 'vitest';
import { seed } from '../../fixtures/wire.ts';
import { startCallbackReceiver } from '../../support/callback-receiver.ts';
import {
  errorOf,
  number,
  refused,
  resultFields,
  said,
  serveContract,
  serverNames,
  uuid,
  type Json,
} from '../../support/contract.ts';
import { SEED_BODY } from '../../support/rest.ts';

const example = (name: string) => JSON.parse(seed(name)) as Json;

describe.each(serverNames)('when the %s serves the contract', (name) => {
  const start = serveContract(name);

  test('the documented request is held and answered with the documented result, field by field', async () => {
    const { submit } = await start();
    const { status, body, headers } = await submit();
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect(body).toEqual(resultFields);
    const document = example('synchronous-answer');
    for (const [field, value] of Object.entries(document))
      expect([field, typeof body[field]]).toEqual([field, typeof value]);
    expect(Object.keys(body).filter((field) => !(field in document))).toEqual(['trace_id']);
  });

  test("a request with the documented callback_url is answered with the task's id and nothing else", async () => {
    // A new server, which is stopped before it sends a callback to the documented address.
    const { submit } = await start(0.05);
    const { status, body } = await submit({
      callback_url: 'https://webhook.site/624b2c78-6dbd-4618-9d2b-b32eade6d8c3',
    });
    expect({ status, body }).toEqual({ status: 200, body: { task_id: uuid } });
    expect(Object.keys(body)).toEqual(Object.keys(example('accepted-answer')));
  });

  test("a request with async is answered with the task's id and nothing else, and one without it is held", async () => {
    const { submit } = await start();
    expect(said(await submit({ async: true }))).toEqual({ status: 200, body: { task_id: uuid } });
    expect((await submit({ async: false })).body).toEqual(resultFields);
  });

  test('the documented callback arrives, field by field, and equals the response in the record', async () => {
    const [{ submit, untilEnd }, receiver] = [await start(), await startCallbackReceiver()];
    const { body } = await submit({ callback_url: `${receiver.url}/cb?a=b` });
    await expect.poll(() => receiver.received.length).toBe(1);
    const [called] = receiver.received;
    expect([called!.method, called!.path, called!.headers['content-type']?.split(';')[0]]).toEqual([
      'POST',
      '/cb?a=b',
      'application/json',
    ]);
    expect(called!.body).toEqual({ ...resultFields, task_id: body.task_id });
    for (const [field, value] of Object.entries(example('callback')))
      expect([field, typeof called!.body[field]]).toEqual([field, typeof value]);
    expect((await untilEnd(body.task_id!)).response).toEqual(called!.body);
  });

  test('a failed task is also reported to the callback URL, with its code', async () => {
    const [{ submit }, receiver] = [await start(), await startCallbackReceiver()];
    const { body } = await submit({ callback_url: receiver.url, prompt: 'sandbox:failed' });
    await expect
      .poll(() => receiver.received.map((called) => called.body))
      .toEqual([{ ...errorOf('api_error'), task_id: body.task_id }]);
  });

  test('a failed task is answered with the documented error, field by field', async () => {
    const { submit } = await start();
    const answer = await submit({ prompt: 'sandbox:failed' });
    const document = example('error') as { error: Json };
    expect(said(answer)).toEqual({
      status: 500,
      body: { ...errorOf((document.error as { code: string }).code), task_id: uuid },
    });
    expect(Object.keys(answer.body.error!)).toEqual(Object.keys(document.error));
    for (const field of Object.keys(document)) expect(answer.body).toHaveProperty(field);
  });

  test('a task that the upstream rejects is answered with the matching status and code', async () => {
    const { submit } = await start();
    for (const [scenario, status, code] of [
      ['moderated', 403, 'forbidden'],
      ['bad-media', 400, 'bad_request'],
    ] as const) {
      const answer = await submit({ prompt: `sandbox:${scenario}` });
      expect(said(answer), scenario).toEqual(refused(status, code, answer));
    }
  });

  test('an empty list of ids with a limit returns the list by time', async () => {
    const { post, take } = await start(0.05);
    const id = await take();
    expect((await post('/kling/tasks', { action: 'retrieve_batch', ids: [], limit: 10 })).body).toMatchObject({
      items: [{ id }],
      count: 1,
    });
  });

  test('a record has the body as sent, an empty response while the task runs, and the result at the end', async () => {
    const { take, retrieve, untilEnd } = await start(2);
    const sent = {
      ...SEED_BODY,
      async: true,
      prompt: 'Ünïcode \u{1F600}',
      watermark_info: { enabled: false },
      model_name: 'kling-v2-6',
      keep_original_sound: 'no',
    };
    const id = await take(sent);
    await expect.poll(async () => (await retrieve(id)).body.started_at).toBeTypeOf('number');
    const running = (await retrieve(id)).body;
    expect(running).toEqual({
      id,
      type: 'motion',
      trace_id: uuid,
      job_id: id,
      request: sent,
      response: {},
      created_at: number,
      started_at: number,
    });
    const ended = await untilEnd(id);
    expect(ended).toEqual({
      ...running,
      response: { ...resultFields, task_id: id, trace_id: running.trace_id },
      finished_at: number,
      elapsed: number,
    });
    expect(Number(ended.finished_at) - Number(running.created_at)).toBeGreaterThan(1);
    expect(Math.abs(Number(running.created_at) - Date.now() / 1_000)).toBeLessThan(60);
  });

  test('a request without optional fields has a record without default values', async () => {
    const { post, untilEnd } = await start();
    const sent = { image_url: SEED_BODY.image_url, video_url: SEED_BODY.video_url, async: true };
    const { body } = await post('/kling/motion', sent);
    expect((await untilEnd(body.task_id!)).request).toEqual(sent);
  });

  test('a failed task has a record with its error', async () => {
    const { take, untilEnd } = await start();
    const id = await take({ prompt: 'sandbox:failed' });
    expect(await untilEnd(id)).toMatchObject({
      id,
      response: { ...errorOf('api_error'), task_id: id },
      finished_at: number,
    });
  });

  test('a synchronous answer equals the response in its record', async () => {
    const { submit, untilEnd } = await start();
    const { body } = await submit();
    expect((await untilEnd(body.task_id!)).response).toEqual(body);
  });

  test('a batch of 50 ids returns the known tasks in the requested order', async () => {
    const { take, retrieveBatch } = await start();
    const ids: string[] = [];
    for (let count = 0; count < 48; count += 1) ids.push(await take({ prompt: `number ${count}` }));
    const asked = [...ids.slice(24), '363c7a84-e880-472e-a4d4-098e50cfc292', ...ids.slice(0, 24), 'no id'];
    const { body } = await retrieveBatch({ ids: asked });
    expect([(body.items as Json[]).map(({ id }) => id), body.count]).toEqual([
      [...ids.slice(24), ...ids.slice(0, 24)],
      48,
    ]);
    expect((await retrieveBatch({ ids: [] })).body).toEqual({ items: [], count: 0 });
  });

  test('a listing by time returns the tasks of that period', async () => {
    const { take, retrieve, retrieveBatch } = await start(0.05);
    const ids = [await take(), await take(), await take()];
    const idsIn = async (window: object) =>
      ((await retrieveBatch(window)).body.items as Json[]).map(({ id }) => String(id)).sort();
    const made = Number((await retrieve(ids[0]!)).body.created_at);
    expect(await idsIn({})).toEqual([...ids].sort());
    expect(await idsIn({ created_at_min: made, created_at_max: made + 60 })).toEqual([...ids].sort());
    expect(await idsIn({ created_at_min: made, created_at_max: made })).toContain(ids[0]);
    expect(await idsIn({ created_at_min: made + 60 })).toEqual([]);
    expect(await idsIn({ limit: 1, offset: 1 })).toHaveLength(1);
    expect(await idsIn({ offset: 3 })).toEqual([]);
  });
});
