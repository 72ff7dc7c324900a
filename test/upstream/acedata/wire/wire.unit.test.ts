import { describe, expect, test } from 'vitest';
import {
  decodeError,
  encodeError,
  errorStatuses,
  findError,
  isDoubtfulCode,
  isKnownCode,
  isRefusalCode,
} from '../../../../src/upstream/acedata/wire/envelopes.ts';
import {
  asHttpUrl,
  asId,
  asNumber,
  asObject,
  asText,
  isHttpUrl,
  readJson,
} from '../../../../src/upstream/acedata/wire/json.ts';
import { decodeLookUp, encodeTaskList, parseLookUp } from '../../../../src/upstream/acedata/wire/look-up.ts';
import { decide, decideResult, encodeFailure, encodeSuccess } from '../../../../src/upstream/acedata/wire/result.ts';
import { decodeSubmitAnswer } from '../../../../src/upstream/acedata/wire/submit-answer.ts';
import { decodeTaskRecord, encodeTaskRecord } from '../../../../src/upstream/acedata/wire/task-record.ts';

const URL_A = 'https://a.com/a.mp4';

describe('external JSON', () => {
  test('keeps integers beyond 2^53 as text, and everything else unchanged', () => {
    expect(
      readJson(
        '{"a":842578800134742051,"b":9007199254740991,"c":9007199254740992,"d":-842578800134742051,"e":"842578800134742051","f":1234567890123456.5,"g":1e21}',
      ),
    ).toEqual({
      a: '842578800134742051',
      b: 9_007_199_254_740_991,
      c: '9007199254740992',
      d: '-842578800134742051',
      e: '842578800134742051',
      f: 1_234_567_890_123_456.5,
      g: 1e21,
    });
    expect(readJson(String.raw`{"a\"b":"\\","n":842578800134742051,"s":"x\"842578800134742051\""}`)).toEqual({
      'a"b': '\\',
      n: '842578800134742051',
      s: 'x"842578800134742051"',
    });
    expect(readJson('842578800134742051')).toBe('842578800134742051');
    expect([readJson('{"a":1'), readJson(''), readJson('null'), readJson('7')]).toEqual([
      undefined,
      undefined,
      null,
      7,
    ]);
  });

  test('yields objects, but not for lists and null', () => {
    expect([asObject({ a: 1 }), asObject([]), asObject(null), asObject('a'), asObject(undefined)]).toEqual([
      { a: 1 },
      null,
      null,
      null,
      null,
    ]);
  });

  test('yields text without NUL, surrounding blanks, and lone surrogates, up to a maximum length', () => {
    expect([' a ', 7, 'a\0b', '\ud800', '', ' \0 ', true, null, {}].map((value) => asText(value))).toEqual([
      'a',
      '7',
      'ab',
      '\ufffd',
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(asText('x'.repeat(2_001))).toBe('x'.repeat(2_000));
    expect(asText('abc', 2)).toBe('ab');
  });

  test('yields ids of at most 255 characters, and never a truncated one', () => {
    expect(asId('x'.repeat(255))).toBe('x'.repeat(255));
    expect([asId('x'.repeat(256)), asId('x'.repeat(300)), asId(''), asId(7), asId(null)]).toEqual([
      null,
      null,
      null,
      '7',
      null,
    ]);
  });

  test('yields non-negative numbers, also from text', () => {
    expect([5.066, '5.066', 0, '0', -1, '-1', 'x', '', null, Infinity, '1e400', [5]].map(asNumber)).toEqual([
      5.066,
      5.066,
      0,
      0,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  test('yields http and https URLs of any length', () => {
    for (const url of ['http://a.com', URL_A, `https://a.com/${'x'.repeat(5_000)}`])
      expect([asHttpUrl(url), isHttpUrl(url)]).toEqual([url, true]);
    for (const other of ['ftp://a.com', 'a.com', '', 'javascript:alert(1)', 'https//a.com'])
      expect([asHttpUrl(other), isHttpUrl(other)]).toEqual([null, false]);
    expect(asHttpUrl(7)).toBeNull();
  });
});

describe('an error code', () => {
  test('is known, and either means that there is no task or leaves it in doubt', () => {
    expect(Object.keys(errorStatuses).filter(isDoubtfulCode)).toEqual(['api_error', 'timeout']);
    expect(Object.keys(errorStatuses).filter((code) => !isRefusalCode(code))).toEqual(['api_error', 'timeout']);
    for (const code of [null, 'unheard_of', 'toString', ''])
      expect([isKnownCode(code), isRefusalCode(code), isDoubtfulCode(code)]).toEqual([false, false, false]);
    expect(isKnownCode('used_up')).toBe(true);
  });

  test('is sent with its own status', () => {
    expect(errorStatuses).toEqual({
      bad_request: 400,
      api_not_implemented: 400,
      token_mismatched: 400,
      no_token: 400,
      invalid_token: 401,
      token_expired: 401,
      disabled: 403,
      used_up: 403,
      forbidden: 403,
      no_api: 404,
      too_many_requests: 429,
      rate_limited: 429,
      api_error: 500,
      timeout: 504,
    });
    expect(encodeError('used_up', 'no', 't')).toEqual({
      success: false,
      error: { code: 'used_up', message: 'no' },
      trace_id: 't',
    });
  });
});

describe('an error', () => {
  test.each<[string, object | null]>([
    ['{"error":{"code":"a","message":"b","trace_id":"inner"}}', { code: 'a', message: 'b', traceId: 'inner' }],
    [
      '{"error":{"code":"a","message":"b","trace_id":"inner"},"trace_id":"outer"}',
      { code: 'a', message: 'b', traceId: 'outer' },
    ],
    ['{"error":{"code":"a"}}', { code: 'a', message: 'a', traceId: null }],
    ['{"error":{"message":"b"}}', { code: null, message: 'b', traceId: null }],
    ['{"error":{},"detail":"d"}', null],
    ['{"error":"bare","trace_id":"t","detail":"d"}', { code: null, message: 'bare', traceId: 't' }],
    ['{"detail":"d","code":"c","trace_id":"t"}', { code: 'c', message: 'd', traceId: 't' }],
    ['{"message":"m","code":"c"}', null],
    ['{"error":[]}', null],
    ['{}', null],
  ])('is found in %s', (text, error) =>
    expect(findError(JSON.parse(text) as object as Record<string, unknown>)).toEqual(error),
  );

  test.each<[string, object]>([
    ['{"error":{"code":"a","message":"b"}}', { code: 'a', message: 'b', traceId: null }],
    ['{"message":"m","code":"c","trace_id":"t"}', { code: 'c', message: 'm', traceId: 't' }],
    ['{}', { code: null, message: 'HTTP 418 without an error', traceId: null }],
    ['"a string"', { code: null, message: 'a string', traceId: null }],
    ['[1]', { code: null, message: '[1]', traceId: null }],
    ['plain text', { code: null, message: 'plain text', traceId: null }],
    [' <html></html>', { code: null, message: 'HTTP 418 with an HTML page', traceId: null }],
    ['', { code: null, message: 'HTTP 418 with an empty body', traceId: null }],
    ['" "', { code: null, message: 'HTTP 418 with an empty body', traceId: null }],
  ])('under status 418 with %s always has a message', (text, error) => expect(decodeError(418, text)).toEqual(error));

  test('is read from a body that is already decoded', () => {
    expect(decodeError(400, { error: 'bare' })).toEqual({ code: null, message: 'bare', traceId: null });
  });
});

describe('a flat result', () => {
  const task = { taskId: 't', traceId: 'trace' };
  test('is encoded with the duration as text if it is known', () => {
    const success = {
      success: true,
      video_id: 'v',
      video_url: URL_A,
      state: 'succeed',
      task_id: 't',
      trace_id: 'trace',
    };
    expect(encodeSuccess(task, { videoId: 'v', videoUrl: URL_A, durationSeconds: 5.066 })).toEqual({
      ...success,
      duration: '5.066',
    });
    expect(encodeSuccess(task, { videoId: 'v', videoUrl: URL_A, durationSeconds: null })).toEqual(success);
    expect(encodeFailure(task, 'api_error', 'no')).toEqual({
      success: false,
      task_id: 't',
      trace_id: 'trace',
      error: { code: 'api_error', message: 'no' },
    });
  });

  const claimed = { task_id: 't', trace_id: 'trace' };
  const good = { kind: 'succeeded', videoId: 'v', videoUrl: URL_A, durationSeconds: 5 };
  test.each<[string, object, object, string | null]>([
    ['a success', { ...claimed, state: 'succeed', video_id: 'v', video_url: URL_A, duration: '5' }, good, null],
    [
      'a success without an id of the video',
      { ...claimed, state: 'succeed', video_url: URL_A },
      { ...good, videoId: 't', durationSeconds: null },
      null,
    ],
    [
      'a success without any id',
      { state: 'succeed', video_url: URL_A },
      { ...good, videoId: '', durationSeconds: null },
      'no task_id',
    ],
    ['a success without a URL', { ...claimed, state: 'succeed' }, { kind: 'missing' }, 'success without a URL'],
    [
      'a success that says false',
      { ...claimed, state: 'succeed', success: false, video_id: 'v', video_url: URL_A, duration: 5 },
      good,
      'success and failure at once',
    ],
    [
      'a success with an error in words',
      { ...claimed, state: 'succeed', error: 'odd', video_id: 'v', video_url: URL_A, duration: 5 },
      good,
      'success and failure at once',
    ],
    [
      'a failure',
      { ...claimed, state: 'failed' },
      { kind: 'failed', code: null, message: 'The upstream gave no reason.', traceId: 'trace' },
      null,
    ],
    [
      'a failure that says true',
      { ...claimed, state: 'failed', success: true },
      { kind: 'failed', code: null, message: 'The upstream gave no reason.', traceId: 'trace' },
      'success and failure at once',
    ],
    [
      'an error with a code',
      { ...claimed, error: { code: 'c', message: 'm', trace_id: 'inner' } },
      { kind: 'failed', code: 'c', message: 'm', traceId: 'trace' },
      null,
    ],
    [
      'an error with a code beside a success',
      { ...claimed, state: 'succeed', video_url: URL_A, error: { code: 'c' } },
      { kind: 'failed', code: 'c', message: 'c', traceId: 'trace' },
      'success and failure at once',
    ],
    [
      'an error with a code that says true',
      { ...claimed, success: true, error: { code: 'c' } },
      { kind: 'failed', code: 'c', message: 'c', traceId: 'trace' },
      'success and failure at once',
    ],
    ['an error in words', { ...claimed, error: 'm' }, { kind: 'running' }, 'an error without a code'],
    ['no final word', { ...claimed, state: 'processing' }, { kind: 'running' }, 'no final word'],
    ['no word at all', {}, { kind: 'running' }, 'no final word'],
  ])('with %s is classified', (_name, body, outcome, odd) => {
    const taskId = 'task_id' in body ? 't' : null;
    expect(decideResult(body)).toEqual({ taskId, traceId: taskId && 'trace', outcome, odd });
  });

  test('that is not an object is unreadable', () => {
    for (const value of [null, undefined, [], 'a', 7])
      expect(decideResult(value)).toEqual({ taskId: null, traceId: null, outcome: null, odd: 'unreadable' });
  });

  test('of a finished record is classified by its state before its success flag', () => {
    const of = (body: object, finished = true) => decide(body as Record<string, unknown>, { taskId: 't', finished });
    // The upstream's success state outweighs `success: false`: the URL exists, and the task is paid for.
    expect(of({ state: 'succeed', success: false, video_url: URL_A })).toEqual({
      outcome: { kind: 'succeeded', videoId: 't', videoUrl: URL_A, durationSeconds: null },
      odd: 'success and failure at once',
    });
    expect(of({ success: true, video_url: URL_A })).toEqual({
      outcome: { kind: 'succeeded', videoId: 't', videoUrl: URL_A, durationSeconds: null },
      odd: null,
    });
    expect(of({ success: false })).toMatchObject({ outcome: { kind: 'failed' }, odd: null });
    expect(of({ success: false }, false)).toMatchObject({ outcome: { kind: 'running' } });
    expect(of({ success: 'yes' })).toMatchObject({ outcome: { kind: 'running' } });
  });
});

describe('the answer to a submit', () => {
  test('under 200 to 299 with a task id is accepted, with an outcome only if it is beyond doubt', () => {
    for (const status of [200, 202, 299])
      expect(decodeSubmitAnswer(status, '{"task_id":"t","trace_id":"trace"}')).toEqual({
        kind: 'accepted',
        taskId: 't',
        outcome: null,
        traceId: 'trace',
      });
    const ended = { task_id: 't', state: 'succeed', video_url: URL_A };
    expect(decodeSubmitAnswer(200, JSON.stringify(ended))).toMatchObject({
      kind: 'accepted',
      outcome: { kind: 'succeeded', videoId: 't' },
    });
    expect(decodeSubmitAnswer(200, JSON.stringify({ ...ended, success: false }))).toMatchObject({
      kind: 'accepted',
      outcome: null,
    });
  });

  test.each<[number, string, object]>([
    [200, 'x', { enveloped: false, reason: 'HTTP 200 with an unreadable body', traceId: null }],
    [201, '{"trace_id":"t"}', { enveloped: false, reason: 'HTTP 201 without a task_id', traceId: 't' }],
    [200, '{"error":"busy"}', { enveloped: true, reason: 'HTTP 200 without a task_id, busy', traceId: null }],
    [
      200,
      '{"error":{"code":"timeout","message":"m"}}',
      { enveloped: true, reason: 'HTTP 200 without a task_id, m', traceId: null },
    ],
    [
      500,
      '{"error":{"code":"used_up","message":"m"},"trace_id":"t"}',
      { enveloped: true, reason: 'HTTP 500, used_up: m', traceId: 't' },
    ],
    [502, '', { enveloped: false, reason: 'HTTP 502, HTTP 502 with an empty body', traceId: null }],
    [
      400,
      '{"error":{"code":"api_error","message":"m"}}',
      { enveloped: true, reason: 'HTTP 400, api_error: m', traceId: null },
    ],
    [
      408,
      '{"error":{"code":"used_up","message":"m"}}',
      { enveloped: true, reason: 'HTTP 408, used_up: m', traceId: null },
    ],
    ...[408, 409, 425, 460, 499].map((status): [number, string, object] => [
      status,
      'x',
      { enveloped: false, reason: `HTTP ${status}, x`, traceId: null },
    ]),
    ...[199, 500].map((status): [number, string, object] => [
      status,
      'x',
      { enveloped: false, reason: `HTTP ${status}, x`, traceId: null },
    ]),
  ])('under %i with %s is ambiguous', (status, text, answer) =>
    expect(decodeSubmitAnswer(status, text)).toEqual({ kind: 'ambiguous', taskId: null, ...answer }),
  );

  test.each([400, 401, 404, 410, 424, 426, 451])('under %i without a code is a refusal', (status) => {
    expect(decodeSubmitAnswer(status, 'x')).toEqual({
      kind: 'refused',
      code: null,
      message: 'x',
      httpStatus: status,
      traceId: null,
      taskId: null,
    });
  });

  test.each([400, 409, 425, 460, 499])('under %i with a refusal code is a refusal', (status) => {
    expect(decodeSubmitAnswer(status, '{"error":{"code":"used_up","message":"m"}}')).toEqual({
      kind: 'refused',
      code: 'used_up',
      message: 'm',
      httpStatus: status,
      traceId: null,
      taskId: null,
    });
  });

  test.each([302, 400, 401, 408, 429, 500, 504])('under %i keeps the task id that it names', (status) => {
    expect(decodeSubmitAnswer(status, '{"error":{"code":"used_up","message":"m"},"task_id":"a"}')).toMatchObject({
      taskId: 'a',
    });
  });
});

describe('a look-up', () => {
  test('reports its invalid fields', () => {
    const wrong = (body: unknown) =>
      (parseLookUp(body) as { violations?: string[] }).violations?.map((text) => text.split(':')[0]);
    expect(wrong({ action: 'retrieve', id: '' })).toEqual(['id']);
    expect(
      wrong({
        action: 'retrieve_batch',
        limit: 0,
        offset: 1.5,
        created_at_min: -1,
        created_at_max: 253_402_300_800,
      })?.sort(),
    ).toEqual(['created_at_max', 'created_at_min', 'limit', 'offset']);
    for (const edge of [
      { limit: 1 },
      { limit: 50 },
      { created_at_min: 0 },
      { created_at_max: 253_402_300_799 },
      { ids: Array(50).fill('a') },
    ])
      expect(parseLookUp({ action: 'retrieve_batch', ...edge })).toMatchObject({ ok: true });
  });

  test('of a window defaults to 50 tasks from the first one, and rounds times to the millisecond', () => {
    expect(parseLookUp({ action: 'retrieve_batch' })).toEqual({
      ok: true,
      lookUp: { kind: 'window', from: null, to: null, limit: 50, offset: 0 },
    });
    expect(parseLookUp({ action: 'retrieve_batch', created_at_min: 1.2345, limit: 7, offset: 3 })).toEqual({
      ok: true,
      lookUp: { kind: 'window', from: new Date(1_235), to: null, limit: 7, offset: 3 },
    });
    expect(parseLookUp({ action: 'retrieve_batch', ids: ['a'], created_at_min: 1 })).toEqual({
      ok: true,
      lookUp: { kind: 'ids', taskIds: ['a'] },
    });
  });

  test('answered by an error reports its code and message', () => {
    expect(decodeLookUp(500, 'x')).toEqual({ kind: 'error', code: null, message: 'x', traceId: null });
    expect(decodeLookUp(404, '', 'window')).toMatchObject({ kind: 'error' });
    expect(decodeLookUp(410, '')).toMatchObject({ kind: 'error' });
    expect(decodeLookUp(404, '{"error":{"code":"used_up","message":"m"}}')).toEqual({
      kind: 'error',
      code: 'used_up',
      message: 'm',
      traceId: null,
    });
    expect(decodeLookUp(199, '{"id":"t"}')).toMatchObject({ kind: 'error' });
    expect(decodeLookUp(299, '{"id":"t"}')).toMatchObject({ kind: 'found' });
    expect(decodeLookUp(300, '{"id":"t"}')).toMatchObject({ kind: 'error' });
    expect(decodeLookUp(200, '[1]')).toMatchObject({ kind: 'error' });
  });
});

describe('a task record', () => {
  const [createdAt, startedAt, finishedAt] = [new Date(1_000), new Date(2_500), new Date(10_000)];
  const task = {
    taskId: 't',
    traceId: 'trace',
    request: { prompt: 'p' },
    response: null,
    createdAt,
    startedAt: null,
    finishedAt: null,
  };
  const record = {
    id: 't',
    type: 'motion',
    trace_id: 'trace',
    job_id: 't',
    request: { prompt: 'p' },
    response: {},
    created_at: 1,
  };

  test('has the known times, and the time elapsed since its start or else its creation', () => {
    expect(encodeTaskRecord(task)).toEqual(record);
    expect(encodeTaskRecord({ ...task, startedAt, response: { a: 1 } })).toEqual({
      ...record,
      started_at: 2.5,
      response: { a: 1 },
    });
    expect(encodeTaskRecord({ ...task, startedAt, finishedAt })).toEqual({
      ...record,
      started_at: 2.5,
      finished_at: 10,
      elapsed: 7.5,
    });
    expect(encodeTaskRecord({ ...task, finishedAt })).toEqual({ ...record, finished_at: 10, elapsed: 9 });
    expect(encodeTaskList([task])).toEqual({ items: [record], count: 1 });
  });

  test.each([0, '0', null, '', -1, 'x', 1e300])('with finished_at %j is still running', (finished_at) => {
    expect(decodeTaskRecord({ id: 't', response: { success: false }, finished_at })).toMatchObject({
      outcome: { kind: 'running' },
      finishedAt: null,
    });
  });

  test('without an id decodes to null', () => {
    for (const value of [null, [], 'a', {}, { id: '' }, { id: null }]) expect(decodeTaskRecord(value)).toBeNull();
    expect(decodeTaskRecord({ id: 7 })).toEqual({
      taskId: '7',
      traceId: null,
      callbackUrl: null,
      outcome: { kind: 'running' },
      createdAt: null,
      startedAt: null,
      finishedAt: null,
    });
  });

  test('of a failure has the trace id of its response, or else its own', () => {
    expect(decodeTaskRecord({ id: 't', trace_id: 'own', response: { state: 'failed' } })).toMatchObject({
      outcome: { traceId: 'own' },
    });
    expect(
      decodeTaskRecord({ id: 't', trace_id: 'own', response: { state: 'failed', trace_id: 'inner' } }),
    ).toMatchObject({ outcome: { traceId: 'inner' } });
  });
});
