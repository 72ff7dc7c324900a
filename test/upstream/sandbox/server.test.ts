/** Submits, look-ups and results of the sandbox. */
import { describe, expect, test } from 'vitest';
import {
  accepted,
  envelope,
  failure,
  input,
  number,
  refused,
  startSandbox,
  success,
  uuid,
} from '../../support/sandbox.ts';

describe('a submit', () => {
  test('without a callback URL is held and answered with the result', async () => {
    const sandbox = await startSandbox();
    const { status, body } = await sandbox.submit({});
    expect({ status, body }).toEqual({ status: 200, body: success });
    expect(await sandbox.retrieve(String(body.task_id))).toMatchObject({ response: body });
    expect((await fetch(String(body.video_url))).status).toBe(200);
    expect(await sandbox.submit({ prompt: 'sandbox:failed' })).toEqual({ status: 500, body: failure });
  });

  test('that is held is cut off when the sandbox stops', async () => {
    const sandbox = await startSandbox({ seconds: 600 });
    const held = sandbox.submit({}).then(
      () => 'answered',
      () => 'cut',
    );
    await expect.poll(async () => (await sandbox.retrieveBatch({})).count).toBe(1);
    await sandbox.stop();
    expect(await held).toBe('cut');
  });

  test('beyond the limit of tasks in flight is refused until a task has ended', async () => {
    const sandbox = await startSandbox({ maxInFlight: 2, seconds: 3 });
    expect([await sandbox.submit(), await sandbox.submit(), await sandbox.submit()]).toEqual([
      accepted,
      accepted,
      refused(429, 'too_many_requests'),
    ]);
    await expect.poll(() => sandbox.submit()).toEqual(accepted);
  });

  test('requires a token, which must match the configured one if there is one', async () => {
    const [open, { post, submit }] = [await startSandbox(), await startSandbox({ token: 'right' })];
    expect(await submit({}, '')).toEqual(refused(400, 'no_token'));
    expect(await submit({}, 'Basic right')).toEqual(refused(400, 'no_token'));
    expect(await submit({}, 'Bearer wrong')).toEqual(refused(401, 'invalid_token'));
    expect(await post('/kling/tasks', { action: 'retrieve_batch' }, 'Bearer wrong')).toEqual(
      refused(401, 'invalid_token'),
    );
    expect(await submit({ async: true }, 'Bearer right')).toEqual(accepted);
    expect(await open.submit({}, '')).toEqual(refused(400, 'no_token'));
  });

  test.each<[string, string, unknown, number, string]>([
    ['truncated JSON', '/kling/motion', '{"image_url": "https', 400, 'bad_request'],
    ['an empty body', '/kling/motion', '', 400, 'bad_request'],
    ['two wrong fields', '/kling/motion', { image_url: 'https://a.com/a.png', mode: 'fast' }, 400, 'bad_request'],
    ['a body that is too long', '/kling/motion', { prompt: 'x'.repeat(1_100_000) }, 413, 'bad_request'],
    ['an unknown action', '/kling/tasks', { action: 'cancel', id: 'a' }, 400, 'bad_request'],
    ['too many ids', '/kling/tasks', { action: 'retrieve_batch', ids: Array(51).fill('a') }, 400, 'bad_request'],
    ['an unknown task', '/kling/tasks', { action: 'retrieve', id: 'a' }, 404, 'not_found'],
    ['an unknown path', '/kling/dance', {}, 404, 'no_api'],
    ['a path of another service', '/suno/audios', {}, 404, 'no_api'],
  ])('or look-up with %s is refused', async (_name, path, body, status, code) => {
    expect(await (await startSandbox()).post(path, body)).toEqual(refused(status, code));
  });

  test('with another method and without a token is refused with no_api', async () => {
    const response = await fetch(`${(await startSandbox()).url}/kling/motion`);
    expect([response.status, await response.json()]).toEqual([404, envelope('no_api')]);
  });
});

describe('a look-up', () => {
  test('returns the task with its request while it runs and after it has ended', async () => {
    const sandbox = await startSandbox({ seconds: 0.2 });
    const callback_url = 'http://127.0.0.1:9/cb';
    const id = await sandbox.take({ callback_url });
    const running = await sandbox.retrieve(id);
    expect(running).toEqual({
      id,
      type: 'motion',
      trace_id: uuid,
      job_id: id,
      created_at: number,
      started_at: running.created_at,
      request: { ...input, callback_url },
      response: {},
    });
    await sandbox.untilEnd(id);
    expect(await sandbox.retrieve(id)).toEqual({
      ...running,
      response: { ...success, task_id: id, video_url: `${sandbox.url}/media/${id}.mp4` },
      finished_at: number,
      elapsed: number,
    });
  });

  test('of several ids returns the known tasks in the requested order', async () => {
    const sandbox = await startSandbox();
    const [a, b] = [await sandbox.take(), await sandbox.take()];
    const { items, count } = await sandbox.retrieveBatch({ ids: [b, 'unknown', a] });
    expect([items.map(({ id }) => id), count]).toEqual([[b, a], 2]);
    expect(await sandbox.retrieveBatch({ ids: [] })).toEqual({ items: [], count: 0 });
  });

  test('by window returns the tasks created in it, oldest first', async () => {
    const sandbox = await startSandbox();
    const ids = [await sandbox.take(), await sandbox.take(), await sandbox.take()];
    const idsIn = async (window: object) => (await sandbox.retrieveBatch(window)).items.map(({ id }) => id);
    const { created_at: made } = await sandbox.retrieve(ids[0]!);
    expect(await idsIn({})).toEqual(ids);
    expect(await idsIn({ limit: 1, offset: 1 })).toEqual([ids[1]]);
    expect(await idsIn({ created_at_min: made, created_at_max: made + 60 })).toEqual(ids);
    expect(await idsIn({ created_at_min: made, created_at_max: made })).toContain(ids[0]);
    expect(await idsIn({ created_at_min: made + 60 })).toEqual([]);
    expect(await idsIn({ created_at_max: made - 60 })).toEqual([]);
  });
});

describe('a result', () => {
  test('is a seekable video that any page can load', async () => {
    const { submit } = await startSandbox();
    const url = String((await submit({})).body.video_url);
    const whole = await fetch(url);
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect([
      whole.status,
      whole.headers.get('content-type'),
      whole.headers.get('access-control-allow-origin'),
      bytes.toString('latin1', 4, 8),
    ]).toEqual([200, 'video/mp4', '*', 'ftyp']);

    const part = await fetch(url, { headers: { range: 'bytes=4-7' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      `bytes 4-7/${bytes.length}`,
      'ftyp',
    ]);
    const beyond = await fetch(url, { headers: { range: `bytes=${bytes.length}-` } });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${bytes.length}`]);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      String(bytes.length),
      '',
    ]);
  });

  test('does not exist before the end, after a failure, or for an unknown task', async () => {
    const [slow, sandbox] = [await startSandbox({ seconds: 600 }), await startSandbox()];
    const failed = await sandbox.take({ async: true, prompt: 'sandbox:failed' });
    await sandbox.untilEnd(failed);
    for (const url of [
      `${slow.url}/media/${await slow.take()}.mp4`,
      `${sandbox.url}/media/${failed}.mp4`,
      `${sandbox.url}/media/motion.mp4`,
      `${sandbox.url}/media/..%2fREADME.md`,
    ]) {
      const response = await fetch(url);
      expect([response.status, await response.json()], url).toEqual([404, envelope('no_api')]);
    }
  });
});
