import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseUrl } from '../../../../src/network/parse-url.ts';
import { toRefusal } from '../../../../src/upstream/acedata/outcome.ts';
import { errorStatuses, type ErrorCode } from '../../../../src/upstream/acedata/wire/envelopes.ts';
import {
  decodeSubmitAnswer,
  encodeAccepted,
  type SubmitAnswer,
} from '../../../../src/upstream/acedata/wire/submit-answer.ts';
import {
  decodeSubmitBody,
  encodeSubmitBody,
  isAsynchronous,
  parseSubmitBody,
  type SubmitBody,
  type SubmitInput,
} from '../../../../src/upstream/acedata/wire/submit-body.ts';
import { decodeTaskRecord, encodeTaskRecord } from '../../../../src/upstream/acedata/wire/task-record.ts';
import { failed, failure, json, seed, succeeded, success, TASK_ID, URL_A } from '../../../fixtures/wire.ts';

describe('a submit body', () => {
  const plain: SubmitInput = {
    imageUrl: 'https://a.com/a.png',
    videoUrl: 'https://a.com/a.mp4',
    characterOrientation: 'IMAGE',
    mode: 'STD',
    prompt: null,
    model: null,
    keepOriginalSound: true,
    watermark: false,
    callbackUrl: null,
    async: false,
  };
  const always = {
    image_url: 'https://a.com/a.png',
    video_url: 'https://a.com/a.mp4',
    character_orientation: 'image',
    mode: 'std',
    keep_original_sound: 'yes',
  };

  test.each<[string, Partial<SubmitInput>, object]>([
    ['nothing more than it must', {}, {}],
    [
      'orientation and mode',
      { characterOrientation: 'VIDEO', mode: 'PRO' },
      { character_orientation: 'video', mode: 'pro' },
    ],
    ['sound as a word', { keepOriginalSound: false }, { keep_original_sound: 'no' }],
    ['a prompt, also an empty one', { prompt: '' }, { prompt: '' }],
    ['a model', { model: 'kling-v3' }, { model_name: 'kling-v3' }],
    ['a watermark', { watermark: true }, { watermark_info: { enabled: true } }],
    ['a callback URL', { callbackUrl: 'http://a.com/cb' }, { callback_url: 'http://a.com/cb' }],
    ['asynchrony', { async: true }, { async: true }],
  ])('encodes %s', (_name, asked, more) => {
    expect(encodeSubmitBody({ ...plain, ...asked })).toEqual({ ...always, ...more });
  });

  test("of the seed document is accepted, with the upstream's default for sound", () => {
    const parsed = parseSubmitBody(JSON.parse(seed('submit-body')));
    expect(parsed).toEqual({ ok: true, body: JSON.parse(seed('submit-body')) as unknown });
    expect(parsed.ok && decodeSubmitBody(parsed.body)).toMatchObject({
      prompt: 'Make the picture come alive',
      mode: 'STD',
      characterOrientation: 'IMAGE',
      keepOriginalSound: true,
      watermark: false,
    });
  });

  test('without mode and orientation gets the defaults', () => {
    expect(parseSubmitBody({ image_url: always.image_url, video_url: always.video_url })).toMatchObject({
      ok: true,
      body: { mode: 'std', character_orientation: 'image' },
    });
  });

  test('with every field is accepted unchanged', () => {
    const body = {
      ...always,
      prompt: 'x'.repeat(2_500),
      model_name: 'kling-v2-6',
      watermark_info: { enabled: false },
      async: false,
      callback_url: 'https://a.com/cb',
    };
    expect(parseSubmitBody(body)).toEqual({ ok: true, body });
  });

  test('reports all violations at once', () => {
    const parsed = parseSubmitBody({
      image_url: 'ftp://a.com/a.png',
      character_orientation: 'back',
      mode: 'fast',
      prompt: 'x'.repeat(2_501),
      keep_original_sound: true,
      model_name: 'A B',
      watermark_info: { more: 1 },
      async: 'yes',
      callback_url: 'cb',
      seed: 1,
    });
    const fields = parsed.ok ? [] : parsed.violations.map((violation) => violation.split(':')[0]);
    expect(fields.sort()).toEqual([
      'async',
      'callback_url',
      'character_orientation',
      'image_url',
      'keep_original_sound',
      'mode',
      'model_name',
      'prompt',
      'seed',
      'video_url',
      'watermark_info.enabled',
      'watermark_info.more',
    ]);
  });

  test.each([[null], [undefined], ['text'], [[]], [7]])('that is %j is rejected', (value) => {
    expect(parseSubmitBody(value)).toMatchObject({ ok: false, violations: [expect.any(String)] });
  });

  const optional = [
    'character_orientation',
    'mode',
    'prompt',
    'keep_original_sound',
    'model_name',
    'watermark_info',
    'async',
    'callback_url',
    'negative_prompt',
    'cfg_scale',
  ];
  const empty = [null, '', ' \t\n', [], {}, { enabled: null }, { more: '' }];

  test.each(optional)('with an empty value for %s equals one without the field', (name) => {
    const bare = { image_url: always.image_url, video_url: always.video_url };
    for (const value of empty)
      expect(parseSubmitBody({ ...bare, [name]: value }), JSON.stringify(value)).toEqual(parseSubmitBody(bare));
    expect(parseSubmitBody({ ...bare, ...Object.fromEntries(optional.map((field) => [field, null])) })).toEqual(
      parseSubmitBody(bare),
    );
  });

  test.each(empty.map((value) => [JSON.stringify(value), value]))(
    'with %s for the required fields reports that they are required',
    (_name, value) => {
      expect(parseSubmitBody({ image_url: value, video_url: value })).toMatchObject({
        ok: false,
        violations: ['image_url: is required', 'video_url: is required'],
      });
    },
  );

  test.each<[string, unknown, string]>([
    ['callback_url', 'no url', 'callback_url: expected an http(s) URL'],
    ['callback_url', false, 'callback_url: expected an http(s) URL'],
    ['async', 'true', 'async: expected true or false'],
    ['async', 0, 'async: expected true or false'],
    ['prompt', 5, 'prompt: expected a string'],
    ['mode', 0, 'mode: expected `std` or `pro`'],
    ['keep_original_sound', true, 'keep_original_sound: expected `yes` or `no`'],
    ['watermark_info', [null], 'watermark_info: expected a JSON object'],
    ['watermark_info', { enabled: 'true' }, 'watermark_info.enabled: expected true or false'],
    ['watermark_info', { enabled: true, text: 'x' }, 'watermark_info.text: unknown field'],
    ['negative_prompt', 'hands', 'negative_prompt: unknown field'],
    ['cfg_scale', 0, 'cfg_scale: unknown field'],
    ['images', [''], 'images: unknown field'],
    ['image_url', 7, 'image_url: expected an http(s) URL'],
    ['image_url', `https://a.com/${'x'.repeat(2_086)}`, 'image_url: expected at most 2048 characters'],
    ['video_url', `HTTP://a.com/?${'x'.repeat(9_000)}`, 'video_url: expected at most 2048 characters'],
    ['callback_url', `https://a.com/#${'x'.repeat(2_048)}`, 'callback_url: expected at most 2048 characters'],
    ['image_url', `data:image/png;base64,${'A'.repeat(3_000)}`, 'image_url: expected an http(s) URL'],
    ['video_url', `file:///${'a'.repeat(3_000)}`, 'video_url: expected an http(s) URL'],
    ['callback_url', `blob:https://a.com/${'a'.repeat(3_000)}`, 'callback_url: expected an http(s) URL'],
  ])('with %s set to %j reports exactly one violation', (name, value, told) => {
    const { character_orientation, mode, keep_original_sound, ...bare } = always;
    expect(parseSubmitBody({ character_orientation, mode, keep_original_sound, ...bare, [name]: value })).toMatchObject(
      { ok: false, violations: [told] },
    );
  });

  test('with 501 unknown fields names the first ten and counts the others', () => {
    const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field_${index}`, 1]));
    const parsed = parseSubmitBody({ ...always, ...unknown, ['x'.repeat(5_000)]: 1 });
    expect(parsed).toMatchObject({
      ok: false,
      violations: { length: 11, 10: 'and 491 more unknown fields' },
    });
  });

  test('is asynchronous if it has a callback URL or sets async', () => {
    expect(
      [{}, { async: false }, { async: true }, { callback_url: URL_A }].map((more) =>
        isAsynchronous(encodeAndParse({ ...always, ...more })),
      ),
    ).toEqual([false, false, true, true]);
  });

  test('is unchanged after it is encoded and parsed', () => {
    const url = fc.webUrl({ withQueryParameters: true }).filter((text) => parseUrl(text) !== null);
    const input: fc.Arbitrary<SubmitInput> = fc.record({
      imageUrl: url,
      videoUrl: url,
      characterOrientation: fc.constantFrom('IMAGE', 'VIDEO'),
      mode: fc.constantFrom('STD', 'PRO'),
      // A blank prompt counts as absent.
      prompt: fc.option(fc.string({ unit: 'binary', maxLength: 1_250 }).filter((text) => text.trim() !== '')),
      model: fc.option(fc.string({ unit: fc.constantFrom(...'abz09._-'), minLength: 1, maxLength: 64 })),
      keepOriginalSound: fc.boolean(),
      watermark: fc.boolean(),
      callbackUrl: fc.option(url),
      async: fc.boolean(),
    });
    fc.assert(
      fc.property(
        input,
        (asked) => void expect(decodeSubmitBody(encodeAndParse(encodeSubmitBody(asked)))).toEqual(asked),
      ),
    );
  });

  function encodeAndParse(body: object) {
    const parsed = parseSubmitBody(JSON.parse(JSON.stringify(body)));
    if (!parsed.ok) throw new Error(parsed.violations.join('; '));
    return parsed.body;
  }
});

describe('the answer to a submit', () => {
  const decode = (body: unknown, status = 200) => decodeSubmitAnswer(status, json(body));

  test('in the synchronous example of the seed document is the finished result', () => {
    expect(decode(seed('synchronous-answer'))).toMatchObject({
      kind: 'accepted',
      taskId: '363c7a84-e880-472e-a4d4-098e50cfc292',
      outcome: {
        kind: 'succeeded',
        videoId: '842578800134742051',
        durationSeconds: 5.066,
        videoUrl: (JSON.parse(seed('synchronous-answer')) as { video_url: string }).video_url,
      },
    });
  });

  test('in the asynchronous example of the seed document is the task id', () => {
    expect(decode(seed('accepted-answer'))).toEqual({
      kind: 'accepted',
      taskId: TASK_ID,
      outcome: null,
      traceId: null,
    });
    expect(JSON.parse(seed('accepted-answer'))).toEqual(encodeAccepted(TASK_ID));
  });

  test.each<[string, unknown, object]>([
    ['a finished failure ends the task', failure, { outcome: failed, traceId: 'trace-1' }],
    ['a contradiction is left to a look-up', { ...success, error: failure.error }, { outcome: null }],
    ['a success without a URL is left to a look-up', { ...success, video_url: undefined }, { outcome: null }],
    ['a processing task is only accepted', { task_id: TASK_ID, state: 'processing' }, { outcome: null }],
    ['a number as the task id is text', '{"task_id": 842578800134742051}', { taskId: '842578800134742051' }],
  ])('accepts the task: %s', (_name, body, answer) => {
    expect(decode(body)).toMatchObject({ kind: 'accepted', ...answer });
  });

  test.each<[string, unknown]>([
    ['nothing', ''],
    ['a page', '<html></html>'],
    ['half a body', '{"task_id": "2006'],
    ['an empty object', {}],
    ['a list', []],
    ['an error that cannot know', { error: { code: 'api_error', message: 'no' } }],
    ['an error in words', { error: 'busy' }],
  ])('under 200 with %s is ambiguous', (_name, body) => {
    expect(decode(body)).toMatchObject({ kind: 'ambiguous' });
  });

  test('under 200 with a refusal code is a refusal', () => {
    expect(decode({ success: false, error: { code: 'used_up', message: 'no' } })).toMatchObject({
      kind: 'refused',
      code: 'used_up',
    });
  });
});

describe('an error', () => {
  const refuse = (answer: SubmitAnswer) => (answer.kind === 'refused' ? toRefusal(answer) : answer);
  const rejected = {
    CONTENT_REJECTED: { kind: 'rejected', failure: { code: 'CONTENT_REJECTED' } },
    UPSTREAM_REJECTED: { kind: 'rejected', failure: { code: 'UPSTREAM_REJECTED', charge: 'NOT_CHARGED' } },
  };

  const table: Record<ErrorCode, [object, ...number[]]> = {
    bad_request: [rejected.UPSTREAM_REJECTED, 400],
    api_not_implemented: [rejected.UPSTREAM_REJECTED, 400],
    token_mismatched: [{ kind: 'blocked', reason: 'token_mismatched' }, 400, 401],
    no_token: [{ kind: 'blocked', reason: 'no_token' }, 400],
    disabled: [{ kind: 'blocked', reason: 'disabled' }, 400, 403],
    invalid_token: [{ kind: 'blocked', reason: 'invalid_token' }, 401],
    token_expired: [{ kind: 'blocked', reason: 'token_expired' }, 401],
    used_up: [{ kind: 'blocked', reason: 'used_up' }, 403],
    forbidden: [rejected.CONTENT_REJECTED, 403],
    no_api: [{ kind: 'blocked', reason: 'no_api' }, 404],
    too_many_requests: [{ kind: 'busy' }, 429],
    rate_limited: [{ kind: 'busy' }, 429],
    api_error: [{ kind: 'ambiguous' }, 500, 400],
    timeout: [{ kind: 'ambiguous' }, 502, 503, 504, 400],
  };
  const rows = Object.entries(table).flatMap(([code, [expected, ...statuses]]) =>
    statuses.map((status) => [status, code, expected] as const),
  );

  test.each(rows)('under %i with code %s is classified by its code in every envelope', (status, code, expected) => {
    for (const body of [
      { error: { code, message: 'no' }, trace_id: 't' },
      { success: false, error: { code, message: 'no' }, trace_id: 't' },
      { success: false, error: { code, message: 'no' } },
      { code, detail: 'no' },
    ]) {
      const answer = decodeSubmitAnswer(status, JSON.stringify(body));
      expect(refuse(answer), JSON.stringify(body)).toMatchObject(expected);
      expect(answer.traceId).toBe('trace_id' in body ? 't' : null);
    }
  });

  test('is covered by a row for every code, under the status that it is sent with', () => {
    for (const [code, status] of Object.entries(errorStatuses)) expect(table[code as ErrorCode]).toContain(status);
  });

  test.each<[number, string, object]>([
    [429, '', { kind: 'busy' }],
    [429, '{"error": "slow down"}', { kind: 'busy' }],
    [429, '{"error": {"code": "quota_per_minute", "message": "slow down"}}', { kind: 'busy' }],
    [429, '{"code": 429, "detail": "slow down"}', { kind: 'busy' }],
    [401, '<html></html>', { kind: 'blocked', reason: 'HTTP 401' }],
    [401, '{"error": {"code": "unheard_of", "message": "no"}}', { kind: 'blocked', reason: 'unheard_of' }],
    [403, '', { kind: 'blocked', reason: 'HTTP 403' }],
    [
      403,
      '{"error": {"code": "unheard_of", "message": "no"}}',
      { kind: 'rejected', failure: { code: 'UPSTREAM_REJECTED', upstreamCode: 'unheard_of' } },
    ],
    [
      400,
      '{"error": "no such model"}',
      { kind: 'rejected', failure: { message: 'no such model', upstreamCode: null } },
    ],
    [
      400,
      '{"error": {"code": "bad_request", "message": "The image is too small."}}',
      { kind: 'rejected', failure: { code: 'INVALID_MEDIA' } },
    ],
    [408, '{"error": {"code": "bad_request", "message": "no"}}', { kind: 'ambiguous' }],
    [500, '{"error": "fetch failed"}', { kind: 'ambiguous', reason: 'HTTP 500, fetch failed' }],
    [502, '<html></html>', { kind: 'ambiguous', reason: 'HTTP 502, HTTP 502 with an HTML page' }],
    [503, '', { kind: 'ambiguous', reason: 'HTTP 503, HTTP 503 with an empty body' }],
    ...[408, 409, 425, 460, 499].flatMap((status): [number, string, object][] =>
      ['', '<html></html>', '{"error": "no"}', '{}'].map((body) => [
        status,
        body,
        { kind: 'ambiguous', enveloped: false },
      ]),
    ),
    ...[300, 303, 304, 305].map((status): [number, string, object] => [status, '', { kind: 'ambiguous' }]),
    ...[301, 302, 307, 308].flatMap((status): [number, string, object][] =>
      ['', '<html></html>', '{"error": {"code": "bad_request", "message": "no"}}'].map((body) => [
        status,
        body,
        { kind: 'blocked', reason: 'redirected to nowhere, check ACEDATA_BASE_URL' },
      ]),
    ),
    [302, '{"task_id": "a"}', { kind: 'ambiguous' }],
  ])('under %i with %j is classified by its status', (status, body, expected) => {
    expect(refuse(decodeSubmitAnswer(status, body))).toMatchObject(expected);
  });

  test('of the seed document keeps its trace id', () => {
    expect(decodeSubmitAnswer(500, seed('error'))).toEqual({
      kind: 'ambiguous',
      enveloped: true,
      reason: 'HTTP 500, api_error: fetch failed',
      traceId: '2cf86e86-22a4-46e1-ac2f-032c0f2a4e89',
      taskId: null,
    });
  });
});

describe('a task record', () => {
  const record = (response: unknown, more: object = {}) => ({
    id: TASK_ID,
    type: 'motion',
    trace_id: 'trace-1',
    job_id: 'j',
    request: { video_url: 'https://input.example.com/in.mp4', callback_url: 'https://a.com/cb' },
    response,
    created_at: 1_756_000_000.25,
    started_at: '1756000000.5',
    ...more,
  });
  const done = { finished_at: 1_756_000_100.75, elapsed: 100.5 };
  const wordless = { ...success, state: undefined };

  test.each<[string, object, object]>([
    ...['succeed', 'succeeded', 'success', 'completed', 'SUCCEED'].map((state): [string, object, object] => [
      `the word ${state}`,
      record({ ...success, state }),
      succeeded,
    ]),
    ...['failed', 'fail', 'failure', 'error', 'FAILED'].map((state): [string, object, object] => [
      `the word ${state}`,
      record({ state }),
      { kind: 'failed', code: null, traceId: 'trace-1' },
    ]),
    ['a failure word beside a URL', record({ ...success, state: 'failed' }), { kind: 'failed' }],
    ['a structured error', record(failure), failed],
    ['a structured error beside a success word', record({ ...success, error: failure.error }), { ...failed }],
    ['a success word without a URL', record({ state: 'succeed', success: true }, done), { kind: 'missing' }],
    ['an error in words, not finished', record({ success: false, error: 'retrying' }), { kind: 'running' }],
    [
      'an error in words, finished',
      record({ success: false, error: 'gave up' }, done),
      { kind: 'failed', code: null, message: 'gave up' },
    ],
    ['finished with success', record(wordless, done), succeeded],
    ['finished without success', record({ success: false }, done), { kind: 'failed' }],
    ['finished with success and no URL', record({ success: true }, done), { kind: 'missing' }],
    ['finished without a word', record({ video_url: URL_A }, done), { kind: 'running' }],
    ['success with a URL, although it does not say that it is finished', record(wordless), succeeded],
    ['success with a URL beside another word', record({ ...success, state: 'processing' }), { kind: 'running' }],
    ['success with a URL that is none', record({ ...wordless, video_url: 'soon' }), { kind: 'running' }],
    ['a success word with success false, finished', record({ ...success, success: false }, done), succeeded],
    ['a success word with success false, not finished', record({ ...success, success: false }), succeeded],
    [
      'a success word with success false and no URL, finished',
      record({ state: 'succeed', success: false }, done),
      { kind: 'missing' },
    ],
    ...[0, '0', 0.0, -1, null, 'soon'].map((finished_at): [string, object, object] => [
      `success false and finished at ${JSON.stringify(finished_at)}`,
      record({ success: false }, { finished_at }),
      { kind: 'running' },
    ]),
    ...[undefined, {}, null, '', { state: 'processing' }, { state: 'processing', success: true }].map(
      (response): [string, object, object] => [
        `${JSON.stringify(response)} as response`,
        record(response),
        { kind: 'running' },
      ],
    ),
  ])('gets its outcome from %s', (_name, value, outcome) => {
    expect(decodeTaskRecord(value)?.outcome).toMatchObject(outcome);
  });

  test('has the callback URL of its request, and times converted from seconds', () => {
    expect(decodeTaskRecord(record(success, done))).toMatchObject({
      callbackUrl: 'https://a.com/cb',
      createdAt: new Date(1_756_000_000_250),
      startedAt: new Date(1_756_000_000_500),
      finishedAt: new Date(1_756_000_100_750),
    });
  });

  test('is unchanged after it is encoded and decoded', () => {
    const date = fc.date({ min: new Date(1), max: new Date('2100-01-01'), noInvalidDate: true });
    const response = fc.constantFrom([null, { kind: 'running' }], [success, succeeded], [failure, failed]);
    fc.assert(
      fc.property(
        fc.uuid(),
        response,
        date,
        fc.option(date),
        fc.option(date),
        (taskId, [given, outcome], createdAt, startedAt, finishedAt) => {
          const request = encodeSubmitBody({
            ...decodeSubmitBody(JSON.parse(seed('submit-body')) as SubmitBody),
            callbackUrl: URL_A,
          });
          const decoded = decodeTaskRecord(
            JSON.parse(
              JSON.stringify(
                encodeTaskRecord({
                  taskId,
                  traceId: 'trace-1',
                  request,
                  response: given,
                  createdAt,
                  startedAt,
                  finishedAt,
                }),
              ),
            ),
          );
          expect(decoded).toEqual({
            taskId,
            traceId: 'trace-1',
            callbackUrl: URL_A,
            outcome,
            createdAt,
            startedAt,
            finishedAt,
          });
        },
      ),
    );
  });
});
