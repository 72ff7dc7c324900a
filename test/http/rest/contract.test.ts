/**
 * Tests the vendor's contract, by the examples in its documentation, on both servers of the contract: the sandbox, and
 * the gateway's REST routes.
 */
import { describe, expect, test } from 'vitest';
import { startSandbox } from '../../../src/upstream/sandbox/server.ts';
import { seed } from '../../fixtures/wire.ts';
import { startCallbackReceiver } from '../../support/callback-receiver.ts';
import { startGateway } from '../../support/gateway.ts';
import { onEnd, shared } from '../../support/on-end.ts';
import { createRestClient, SEED_BODY, type RestAnswer } from '../../support/rest.ts';
import { ALLOW_LOOPBACK } from '../../support/webhook-receiver.ts';

type Json = Record<string, unknown>;
const example = (name: string) => JSON.parse(seed(name)) as Json;

const servers = {
  async sandbox(seconds: number) {
    const sandbox = await startSandbox({
      host: '127.0.0.1',
      port: 0,
      token: 'a-token',
      seconds,
      journalFile: null,
      maxInFlight: 100,
      log: { info: () => undefined },
    });
    onEnd(() => sandbox.stop());
    return { url: sandbox.url, apiKey: 'a-token' };
  },
  gateway: (seconds: number) =>
    startGateway({ SANDBOX_SECONDS: String(seconds), UPSTREAM_MAX_IN_FLIGHT: '5', ...ALLOW_LOOPBACK }),
};

const uuid: unknown = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const number: unknown = expect.any(Number);
const text: unknown = expect.stringMatching(/./);

/** Each field of a result in the documentation, and `trace_id`, which the vendor sometimes adds. */
const resultFields = {
  success: true,
  video_id: expect.stringMatching(/^\d{17,}$|-/) as unknown,
  video_url: expect.stringMatching(/^https?:/) as unknown,
  duration: expect.stringMatching(/^\d+\.\d+$/) as unknown,
  state: 'succeed',
  task_id: uuid,
  trace_id: uuid,
};
const errorOf = (code: string) => ({ success: false, error: { code, message: text }, trace_id: uuid });
/** Returns the expected refusal, with the id of the task if there is a task. */
const refused = (status: number, code: string, { body }: RestAnswer) => ({
  status,
  body: { ...errorOf(code), ...('task_id' in body && { task_id: uuid }) },
});
const said = ({ status, body }: RestAnswer) => ({ status, body });

const refusals: readonly (readonly [string, string, unknown, Record<string, string>, number, string])[] = [
  ['without a key', '/kling/motion', SEED_BODY, { authorization: '' }, 400, 'no_token'],
  ['with another scheme', '/kling/motion', SEED_BODY, { authorization: 'Basic YTpi' }, 400, 'no_token'],
  ['with a wrong key', '/kling/motion', SEED_BODY, { authorization: 'Bearer wrong' }, 401, 'invalid_token'],
  [
    'with a wrong key, for tasks',
    '/kling/tasks',
    { action: 'retrieve', id: 'a' },
    { authorization: 'Bearer wrong' },
    401,
    'invalid_token',
  ],
  ['that is half a body', '/kling/motion', '{"image_url": "https', {}, 400, 'bad_request'],
  ['that is empty', '/kling/motion', '', {}, 400, 'bad_request'],
  ['that is a list', '/kling/motion', '[]', {}, 400, 'bad_request'],
  ['without a video', '/kling/motion', { image_url: SEED_BODY.image_url }, {}, 400, 'bad_request'],
  ['with an unknown mode', '/kling/motion', { ...SEED_BODY, mode: 'fast' }, {}, 400, 'bad_request'],
  ['with an unknown field', '/kling/motion', { ...SEED_BODY, seed: 1 }, {}, 400, 'bad_request'],
  ['with sound as a boolean', '/kling/motion', { ...SEED_BODY, keep_original_sound: true }, {}, 400, 'bad_request'],
  [
    'with a URL of another scheme',
    '/kling/motion',
    { ...SEED_BODY, callback_url: 'ftp://a.com/cb' },
    {},
    400,
    'bad_request',
  ],
  [
    'with a prompt that is too long',
    '/kling/motion',
    { ...SEED_BODY, prompt: 'x'.repeat(2_501) },
    {},
    400,
    'bad_request',
  ],
  [
    'that is no JSON by its type',
    '/kling/motion',
    'a=b',
    { 'content-type': 'application/x-www-form-urlencoded' },
    415,
    'bad_request',
  ],
  ['with an unknown action', '/kling/tasks', { action: 'cancel', id: 'a' }, {}, 400, 'bad_request'],
  [
    'for too many tasks',
    '/kling/tasks',
    { action: 'retrieve_batch', ids: Array(51).fill('a') },
    {},
    400,
    'bad_request',
  ],
  [
    'for an unknown task',
    '/kling/tasks',
    { action: 'retrieve', id: '363c7a84-e880-472e-a4d4-098e50cfc292' },
    {},
    404,
    'not_found',
  ],
  ['for what is no id', '/kling/tasks', { action: 'retrieve', id: "'; --" }, {}, 404, 'not_found'],
  ['to an unknown path', '/kling/dance', SEED_BODY, {}, 404, 'no_api'],
  [
    'to an unknown path, whatever it says',
    '/kling/dance',
    '{"image_url": "https',
    { authorization: '', 'content-type': 'text/plain' },
    404,
    'no_api',
  ],
];

describe.each(Object.keys(servers) as (keyof typeof servers)[])('when the %s serves the contract', (name) => {
  const common = shared(() => servers[name](0.05));

  /** Returns clients of the server that most tests share, or of a new one if `seconds` is given. */
  async function start(seconds?: number) {
    const server = seconds === undefined ? common() : await servers[name](seconds);
    const client = createRestClient(server);
    const untilEnd = async (id: string): Promise<Json> => {
      await expect.poll(async () => (await client.retrieve(id)).body.finished_at).toBeTypeOf('number');
      return (await client.retrieve(id)).body;
    };
    return { ...client, url: server.url, untilEnd };
  }

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

  test('an invalid request is answered with the matching status and code', async () => {
    const { post } = await start();
    for (const [what, path, body, headers, status, code] of refusals)
      expect(said(await post(path, body, headers)), what).toEqual({ status, body: errorOf(code) });
  });

  test('all violations in a body are reported at once', async () => {
    const { submit } = await start();
    const { body } = await submit({ image_url: 'cb', mode: 'fast', watermark_info: { more: 1 }, extra: 1 });
    for (const field of ['image_url', 'mode', 'watermark_info.enabled', 'extra'])
      expect(body.error?.message).toContain(field);
  });

  test('optional fields that are null or empty count as absent, and the record has the body as sent', async () => {
    const { post, submit, untilEnd } = await start();
    const sent = {
      ...SEED_BODY,
      async: true,
      prompt: null,
      callback_url: '',
      model_name: null,
      keep_original_sound: null,
      watermark_info: {},
      mode: '',
      character_orientation: null,
      negative_prompt: '',
      images: [],
      options: { a: null },
    };
    const { status, body } = await post('/kling/motion', sent);
    expect({ status, body }).toEqual({ status: 200, body: { task_id: uuid } });
    expect(await untilEnd(body.task_id!)).toMatchObject({ request: sent, response: { success: true } });
    // Without `async`, the request is held: an empty callback URL counts as none.
    expect((await submit({ callback_url: ' ', async: null, watermark_info: { enabled: null } })).body).toEqual(
      resultFields,
    );
    const refusedUrl = await submit({ callback_url: 'no url', async: true });
    expect([refusedUrl.status, refusedUrl.body.error?.message]).toEqual([400, 'callback_url: expected an http(s) URL']);
    expect((await post('/kling/motion', { image_url: null, video_url: '', prompt: '' })).body.error?.message).toBe(
      'image_url: is required; video_url: is required',
    );
    expect((await post('/kling/motion', {})).body.error?.message).toBe(
      'image_url: is required; video_url: is required',
    );
  });

  test('a body that begins with a byte order mark is accepted', async () => {
    const { post } = await start();
    const { body } = await post('/kling/motion', `\ufeff${JSON.stringify({ ...SEED_BODY, async: true })}`);
    expect(body).toEqual({ task_id: uuid });
    expect(
      (await post('/kling/tasks', `\ufeff${JSON.stringify({ action: 'retrieve', id: body.task_id })}`)).body,
    ).toMatchObject({ id: body.task_id });
  });

  test('an empty list of ids with a limit returns the list by time', async () => {
    const { post, take } = await start(0.05);
    const id = await take();
    expect((await post('/kling/tasks', { action: 'retrieve_batch', ids: [], limit: 10 })).body).toMatchObject({
      items: [{ id }],
      count: 1,
    });
  });

  test('a URL gets only one error, and an invalid one gets no error about its length', async () => {
    const { submit } = await start();
    const message = async (more: object) => (await submit(more)).body.error?.message;
    expect(await message({ image_url: `https://a.com/${'x'.repeat(2_086)}` })).toBe(
      'image_url: expected at most 2048 characters',
    );
    for (const url of [
      `data:image/png;base64,${'A'.repeat(3_000)}`,
      `ftp://a.com/${'a'.repeat(3_000)}`,
      'x'.repeat(3_000),
    ]) {
      expect(await message({ image_url: url, callback_url: url }), url.slice(0, 20)).toBe(
        'image_url: expected an http(s) URL; callback_url: expected an http(s) URL',
      );
    }
  });

  test('an unknown scenario is rejected with the nearest name and the list of all scenarios', async () => {
    const { submit } = await start();
    for (const [name, nearest] of [
      ['modrated', 'moderated'],
      ['bad_media', 'bad-media'],
      ['latecallback', 'late-callback'],
    ]) {
      const answer = await submit({ prompt: `A dance, sandbox:${name}` });
      expect(said(answer), name).toEqual(refused(400, 'bad_request', answer));
      expect(answer.body.error?.message).toMatch(
        new RegExp(
          `no scenario "${name}"; did you mean "${nearest}"\\? Scenarios: success, moderated, .*, malformed\\.$`,
        ),
      );
    }
    expect((await submit({ prompt: 'sandbox:zzzzzzzzzz' })).body.error?.message).toContain(
      'no scenario "zzzzzzzzzz". Scenarios: success',
    );
  });

  test('another HTTP method gets no_api without a key, whatever its body is', async () => {
    const { url } = await start();
    for (const request of [
      {},
      { method: 'DELETE', headers: { 'content-type': 'application/json' } },
      { method: 'PUT', body: 'half' },
    ]) {
      const response = await fetch(`${url}/kling/motion`, request);
      expect([response.status, await response.json()], request.method).toEqual([404, errorOf('no_api')]);
    }
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
