import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { scenarioOf, scenarios, type Scenario } from '../../../src/upstream/sandbox/scenarios.ts';
import { startSandbox, type SandboxOptions } from '../../../src/upstream/sandbox/server.ts';
import type { SandboxTask } from '../../../src/upstream/sandbox/task-book.ts';
import { startCallbackReceiver } from '../../support/callback-receiver.ts';
import { createFolder } from '../../support/folder.ts';

const input = {
  image_url: 'https://a.com/a.png',
  video_url: 'https://a.com/a.mp4',
  mode: 'std',
  character_orientation: 'image',
};

interface TaskRecord {
  readonly id: string;
  readonly request: { readonly prompt?: string };
  readonly response?: Record<string, unknown>;
  readonly created_at: number;
  readonly finished_at?: number;
  readonly elapsed?: number;
}

/** An answer with a body of any kind: decoded JSON, or else text. */
interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly body: Body;
}

async function start(options: Partial<SandboxOptions> = {}) {
  const sandbox = await startSandbox({
    host: '127.0.0.1',
    port: 0,
    token: null,
    seconds: 0.05,
    journalFile: null,
    log: { info: () => undefined },
    ...options,
  });
  onTestFinished(() => sandbox.stop());
  sandbox.resume();
  async function post<Body>(path: string, body: unknown, authorization = 'Bearer any'): Promise<Answer<Body>> {
    const response = await fetch(sandbox.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: (text.endsWith('}') ? JSON.parse(text) : text) as Body };
  }
  const submit = (more: object = { async: true }, authorization?: string) =>
    post<Record<string, unknown>>('/kling/motion', { ...input, ...more }, authorization);
  const take = async (more?: object) => String((await submit(more)).body.task_id);
  const retrieve = async (id: string) => (await post<TaskRecord>('/kling/tasks', { action: 'retrieve', id })).body;
  const retrieveBatch = async (asked: object) =>
    (await post<{ items: TaskRecord[]; count: number }>('/kling/tasks', { action: 'retrieve_batch', ...asked })).body;
  const untilEnd = (id: string) =>
    expect.poll(async () => (await retrieve(id)).finished_at, { interval: 5 }).toBeTypeOf('number');
  return { ...sandbox, post, submit, take, retrieve, retrieveBatch, untilEnd };
}

const like = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const number: unknown = expect.any(Number);
const uuid = like(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const envelope = (code: string) => ({ success: false, error: { code, message: like(/./) }, trace_id: uuid });
const success = {
  success: true,
  state: 'succeed',
  duration: '5.066',
  video_id: like(/^8425\d{14}$/),
  video_url: like(/\/media\//),
  task_id: uuid,
  trace_id: uuid,
};
const failure = { ...envelope('api_error'), task_id: uuid };
const accepted: Answer<unknown> = { status: 200, body: { task_id: uuid } };

interface Play {
  /** The answers to the same submit, sent repeatedly. */
  readonly answers: readonly Answer<unknown>[];
  /** The callbacks, each with its delay after the end of the task, in durations of the task. */
  readonly callbacks: readonly (readonly [object, number])[];
  /** The response of the ended task; null if there is no task. */
  readonly end: object | null;
}

const refused = (status: number, code: string): Answer<unknown> => ({ status, body: envelope(code) });
const plays: Record<Exclude<Scenario, 'hang'>, Play> = {
  success: { answers: [accepted], callbacks: [[success, 0]], end: success },
  moderated: { answers: [refused(403, 'forbidden')], callbacks: [], end: null },
  'bad-media': { answers: [refused(400, 'bad_request')], callbacks: [], end: null },
  failed: { answers: [accepted], callbacks: [[failure, 0]], end: failure },
  'lost-callback': { answers: [accepted], callbacks: [], end: success },
  'duplicate-callback': {
    answers: [accepted],
    callbacks: [
      [success, 0],
      [success, 0],
      [success, 0.5],
    ],
    end: success,
  },
  'early-callback': { answers: [accepted], callbacks: [[success, 0]], end: success },
  'late-callback': { answers: [accepted], callbacks: [[success, 3]], end: success },
  'contradictory-callback': {
    answers: [accepted],
    callbacks: [
      [failure, 0],
      [success, 0.5],
    ],
    end: success,
  },
  'rate-limited': {
    answers: [refused(429, 'too_many_requests'), refused(429, 'too_many_requests'), accepted],
    callbacks: [[success, 0]],
    end: success,
  },
  'used-up': { answers: [refused(403, 'used_up'), accepted], callbacks: [[success, 0]], end: success },
  'server-error': { answers: [refused(500, 'api_error')], callbacks: [], end: null },
  'gateway-timeout': {
    answers: [{ status: 504, body: like(/^<html>.*504/) }],
    callbacks: [[success, 0]],
    end: success,
  },
  synchronous: { answers: [{ status: 200, body: success }], callbacks: [], end: success },
  malformed: {
    answers: [{ status: 200, body: like(/^\{"task_id": "[0-9a-f-]{12}$/) }],
    callbacks: [[success, 0]],
    end: success,
  },
};

describe('the scenario', () => {
  test.each(Object.entries(plays))(
    '%s answers, calls back, and ends as specified',
    async (scenario, { answers, callbacks, end }) => {
      const receiver = await startCallbackReceiver();
      const sandbox = await start();
      const prompt = `A dance. sandbox:${scenario}`;
      for (const answer of answers)
        expect(await sandbox.submit({ prompt, callback_url: `${receiver.url}/cb` })).toEqual(answer);
      if (scenario === 'early-callback') expect(receiver.received, 'before the answer').toHaveLength(1);

      const tasks = async () =>
        (await sandbox.retrieveBatch({})).items.filter(({ request }) => request.prompt === prompt);
      await expect.poll(async () => (await tasks()).map(({ response }) => response)).toEqual(end === null ? [] : [end]);
      await expect.poll(() => receiver.received.length).toBe(callbacks.length);
      // Any further callback would have arrived before the callback of a task that is created now.
      await sandbox.submit({ callback_url: `${receiver.url}/fence` });
      await expect.poll(() => receiver.received.at(-1)?.path).toBe('/fence');

      const received = receiver.received.slice(0, -1);
      const [task] = await tasks();
      expect(received.map(({ body }) => body)).toEqual(callbacks.map(([body]) => body));
      for (const [index, { method, headers, body, atMs }] of received.entries()) {
        expect({ method, type: headers['content-type'], token: headers.authorization, taskId: body.task_id }).toEqual({
          method: 'POST',
          type: 'application/json',
          token: undefined,
          taskId: task!.id,
        });
        expect(atMs, 'not too early').toBeGreaterThanOrEqual(
          Math.floor(1_000 * (task!.finished_at! + callbacks[index]![1] * task!.elapsed!)),
        );
      }
    },
  );

  test('hang never answers, creates no task, and ends with the sandbox', async () => {
    const sandbox = await start();
    const hung = sandbox.submit({ prompt: 'sandbox:hang' }).then(
      () => 'answered',
      () => 'cut',
    );
    expect((await sandbox.submit({})).body).toMatchObject({ state: 'succeed' });
    expect(await Promise.race([hung, Promise.resolve('waiting')])).toBe('waiting');
    expect(await sandbox.retrieveBatch({})).toMatchObject({ count: 1 });
    await sandbox.stop();
    expect(await hung).toBe('cut');
  });

  test('that refuses an input at first starts over for the next task with the same input', async () => {
    const sandbox = await start();
    const statuses: number[] = [];
    for (let index = 0; index < 6; index += 1)
      statuses.push((await sandbox.submit({ prompt: 'sandbox:rate-limited', async: true })).status);
    expect(statuses).toEqual([429, 429, 200, 429, 429, 200]);
  });

  test('that does not exist is refused with the nearest name and a list of all scenarios, and creates no task', async () => {
    const sandbox = await start();
    for (const [name, nearest] of [
      ['modrated', 'moderated'],
      ['Fail', 'failed'],
      ['late_callback', 'late-callback'],
      ['toString', null],
    ] as const) {
      const { status, body } = await sandbox.submit({ prompt: `A dance. sandbox:success sandbox:${name}` });
      const error = body.error as Record<string, string>;
      expect([status, error.code, (await sandbox.retrieveBatch({})).count], name).toEqual([400, 'bad_request', 0]);
      expect(error.message).toBe(
        `The sandbox has no scenario "${name.toLowerCase()}"${nearest === null ? '.' : `; did you mean "${nearest}"?`} Scenarios: ${Object.keys(scenarios).join(', ')}.`,
      );
    }
  });

  test('is documented on the sandbox page', async () => {
    const page = await readFile(new URL('../../../docs/sandbox.md', import.meta.url), 'utf8');
    expect(Object.entries(scenarios).filter(([name, what]) => !page.includes(`| \`${name}\` | ${what} |`))).toEqual([]);
  });

  test('is listed at the root, and recognized anywhere in the prompt', async () => {
    const { url } = await start();
    expect(await (await fetch(url)).json()).toMatchObject({ scenarios });
    expect(Object.keys(scenarios).sort()).toEqual([...Object.keys(plays), 'hang'].sort());
    const prompts = [
      undefined,
      '',
      'sandbox:',
      'in the sandbox: children',
      'notsandbox:hang',
      'A dance (sandbox:hang), please',
      'sandbox:hang.',
      'Sandbox:HANG',
      'sandbox:failed sandbox:hang',
    ];
    expect(prompts.map(scenarioOf)).toEqual([
      'success',
      'success',
      'success',
      'success',
      'success',
      'hang',
      'hang',
      'hang',
      'failed',
    ]);
  });
});

describe('a submit', () => {
  test('without a callback URL is held and answered with the result', async () => {
    const sandbox = await start();
    const { status, body } = await sandbox.submit({});
    expect({ status, body }).toEqual({ status: 200, body: success });
    expect(await sandbox.retrieve(String(body.task_id))).toMatchObject({ response: body });
    expect((await fetch(String(body.video_url))).status).toBe(200);
    expect(await sandbox.submit({ prompt: 'sandbox:failed' })).toEqual({ status: 500, body: failure });
  });

  test('that is held is cut off when the sandbox stops', async () => {
    const sandbox = await start({ seconds: 600 });
    const held = sandbox.submit({}).then(
      () => 'answered',
      () => 'cut',
    );
    await expect.poll(async () => (await sandbox.retrieveBatch({})).count).toBe(1);
    await sandbox.stop();
    expect(await held).toBe('cut');
  });

  test('beyond the limit of tasks in flight is refused until a task has ended', async () => {
    const sandbox = await start({ maxInFlight: 2, seconds: 3 });
    expect([await sandbox.submit(), await sandbox.submit(), await sandbox.submit()]).toEqual([
      accepted,
      accepted,
      refused(429, 'too_many_requests'),
    ]);
    await expect.poll(() => sandbox.submit()).toEqual(accepted);
  });

  test('requires a token, which must match the configured one if there is one', async () => {
    const [anybody, { post, submit }] = [await start(), await start({ token: 'right' })];
    expect(await submit({}, '')).toEqual(refused(400, 'no_token'));
    expect(await submit({}, 'Basic right')).toEqual(refused(400, 'no_token'));
    expect(await submit({}, 'Bearer wrong')).toEqual(refused(401, 'invalid_token'));
    expect(await post('/kling/tasks', { action: 'retrieve_batch' }, 'Bearer wrong')).toEqual(
      refused(401, 'invalid_token'),
    );
    expect(await submit({ async: true }, 'Bearer right')).toEqual(accepted);
    expect(await anybody.submit({}, '')).toEqual(refused(400, 'no_token'));
  });

  test.each<[string, string, unknown, number, string]>([
    ['half a JSON body', '/kling/motion', '{"image_url": "https', 400, 'bad_request'],
    ['an empty body', '/kling/motion', '', 400, 'bad_request'],
    ['two wrong fields', '/kling/motion', { image_url: 'https://a.com/a.png', mode: 'fast' }, 400, 'bad_request'],
    ['a body that is too long', '/kling/motion', { prompt: 'x'.repeat(1_100_000) }, 413, 'bad_request'],
    ['an unknown action', '/kling/tasks', { action: 'cancel', id: 'a' }, 400, 'bad_request'],
    ['too many ids', '/kling/tasks', { action: 'retrieve_batch', ids: Array(51).fill('a') }, 400, 'bad_request'],
    ['an unknown task', '/kling/tasks', { action: 'retrieve', id: 'a' }, 404, 'not_found'],
    ['an unknown path', '/kling/dance', {}, 404, 'no_api'],
    ['a path of another service', '/suno/audios', {}, 404, 'no_api'],
  ])('or look-up with %s is refused', async (_name, path, body, status, code) => {
    expect(await (await start()).post(path, body)).toEqual(refused(status, code));
  });

  test('with another method and without a token is refused with no_api', async () => {
    const response = await fetch(`${(await start()).url}/kling/motion`);
    expect([response.status, await response.json()]).toEqual([404, envelope('no_api')]);
  });
});

describe('a look-up', () => {
  test('returns the task with its request while it runs and after it has ended', async () => {
    const sandbox = await start({ seconds: 0.2 });
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
    const sandbox = await start();
    const [a, b] = [await sandbox.take(), await sandbox.take()];
    const { items, count } = await sandbox.retrieveBatch({ ids: [b, 'unknown', a] });
    expect([items.map(({ id }) => id), count]).toEqual([[b, a], 2]);
    expect(await sandbox.retrieveBatch({ ids: [] })).toEqual({ items: [], count: 0 });
  });

  test('by window returns the tasks created in it, oldest first', async () => {
    const sandbox = await start();
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
    const { submit } = await start();
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
    const [slow, sandbox] = [await start({ seconds: 600 }), await start()];
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

describe('a journal', () => {
  const createJournal = async () => join(await createFolder(), 'sandbox', 'journal.jsonl');

  /** Moves the task back by a minute, as if that minute had passed while the sandbox was stopped. */
  async function passMinute(journalFile: string): Promise<void> {
    const { task } = JSON.parse(await readFile(journalFile, 'utf8')) as { task: SandboxTask };
    await writeFile(
      journalFile,
      `${JSON.stringify({ task: { ...task, createdAtMs: task.createdAtMs - 60_000, endsAtMs: task.endsAtMs - 60_000 } })}\n`,
    );
  }

  test('preserves a task when the sandbox restarts, and its overdue callback is sent once', async () => {
    const [journalFile, receiver] = [await createJournal(), await startCallbackReceiver()];
    const first = await start({ journalFile, seconds: 30 });
    const id = await first.take({ callback_url: `${receiver.url}/cb` });
    const running = await first.retrieve(id);
    await first.stop();
    expect(receiver.received).toEqual([]);
    await passMinute(journalFile);

    const second = await start({ journalFile });
    expect(await second.retrieve(id)).toMatchObject({
      request: running.request,
      response: { task_id: id, state: 'succeed' },
    });
    await expect.poll(() => receiver.received.map(({ body }) => body.task_id)).toEqual([id]);
    await expect.poll(() => readFile(journalFile, 'utf8')).toContain(`{"called":"${id}"}`);
    await second.stop();

    const third = await start({ journalFile });
    await third.submit({ callback_url: `${receiver.url}/fence` });
    await expect.poll(() => receiver.received.map(({ path }) => path)).toEqual(['/cb', '/fence']);
  });

  test('with a truncated last line loses neither the tasks before it nor those after it', async () => {
    const journalFile = await createJournal();
    const first = await start({ journalFile, seconds: 600 });
    const [before] = [await first.take(), await first.take()];
    await first.stop();
    await writeFile(journalFile, (await readFile(journalFile, 'utf8')).slice(0, -20));
    const second = await start({ journalFile });
    const after = await second.take();
    expect((await second.retrieveBatch({})).items.map(({ id }) => id)).toEqual([before, after]);
    await second.stop();
    expect((await (await start({ journalFile })).retrieveBatch({})).items.map(({ id }) => id)).toEqual([before, after]);
  });
});
