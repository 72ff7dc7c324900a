/** Answers to submits, in every shape that the upstream is known to send. */
import { describe, expect, test } from 'vitest';
import { decodeSubmitAnswer, encodeAccepted } from '../../../../src/upstream/acedata/wire/submit-answer.ts';
import { failed, failure, json, seed, success, TASK_ID } from '../../../fixtures/wire.ts';

const URL_A = 'https://a.com/a.mp4';

describe('the answer to a submit', () => {
  const decode = (body: unknown, status = 200) => decodeSubmitAnswer(status, json(body));

  test("in the synchronous example of the vendor's documentation is the finished result", () => {
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

  test("in the asynchronous example of the vendor's documentation is the task id", () => {
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
    ['an empty body', ''],
    ['an HTML page', '<html></html>'],
    ['a truncated body', '{"task_id": "2006'],
    ['an empty object', {}],
    ['a list', []],
    ['an error code that leaves the outcome in doubt', { error: { code: 'api_error', message: 'no' } }],
    ['an error without a code', { error: 'busy' }],
  ])('under 200 with %s is ambiguous', (_name, body) => {
    expect(decode(body)).toMatchObject({ kind: 'ambiguous' });
  });

  test('under 200 with a refusal code is a refusal', () => {
    expect(decode({ success: false, error: { code: 'used_up', message: 'no' } })).toMatchObject({
      kind: 'refused',
      code: 'used_up',
    });
  });

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
