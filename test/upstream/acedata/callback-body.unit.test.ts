/** Bodies of callbacks, decoded to the claims that they make. */
import { describe, expect, test } from 'vitest';
import { decodeClaim } from '../../../src/upstream/acedata/callback-body.ts';
import { encodeFailure, encodeSuccess } from '../../../src/upstream/acedata/wire/result.ts';
import { failure, json, seed, success, TASK_ID, URL_A } from '../../fixtures/wire.ts';

describe('the claim of a callback', () => {
  const claim = (body: unknown) => decodeClaim(json(body));
  const video = { kind: 'succeeded', video: { id: '842578800134742051', url: URL_A, durationSeconds: 5.066 } };
  const fails = { kind: 'failed', failure: { code: 'UPSTREAM_FAILED', upstreamCode: 'api_error' } };
  const missing = { kind: 'failed', failure: { code: 'MISSING_RESULT', charge: 'POSSIBLY_CHARGED' } };
  const contradiction = 'success and failure at once';

  test.each<[string, unknown, object | null, string | null]>([
    [
      "the success of the vendor's documentation",
      seed('callback'),
      { kind: 'succeeded', video: { id: '030bb06d-98d4-4044-9042-0aa0822e8c8c', durationSeconds: 5.1 } },
      null,
    ],
    [
      'our own success',
      encodeSuccess(
        { taskId: TASK_ID, traceId: 'trace-1' },
        { videoId: success.video_id, videoUrl: URL_A, durationSeconds: 5.066 },
      ),
      video,
      null,
    ],
    [
      'our own failure',
      encodeFailure({ taskId: TASK_ID, traceId: 'trace-1' }, 'api_error', 'fetch failed'),
      fails,
      null,
    ],
    [
      'a failure',
      failure,
      { kind: 'failed', failure: { ...fails.failure, message: 'fetch failed', upstreamTraceId: 'trace-1' } },
      null,
    ],
    [
      'a moderated failure',
      { ...failure, error: { code: 'forbidden', message: 'no' } },
      { kind: 'failed', failure: { code: 'CONTENT_REJECTED' } },
      null,
    ],
    [
      'a failure state',
      { task_id: TASK_ID, state: 'failed' },
      { kind: 'failed', failure: { upstreamCode: null } },
      null,
    ],
    ['success with unknown fields', { ...success, trace_id: 't', cost: { credits: 1 } }, video, null],
    ['success with a number as duration', { ...success, duration: 5.066 }, video, null],
    [
      'success with an unreadable duration',
      { ...success, duration: 'long' },
      { kind: 'succeeded', video: { durationSeconds: null } },
      null,
    ],
    [
      'success with an unquoted video id',
      json(success).replace('"842578800134742051"', '842578800134742051'),
      video,
      null,
    ],
    [
      'success without a video id',
      { ...success, video_id: undefined },
      { kind: 'succeeded', video: { id: TASK_ID } },
      null,
    ],
    ['success together with a structured error', { ...success, error: failure.error }, fails, contradiction],
    [
      'success true without a state, together with a structured error',
      { success: true, task_id: TASK_ID, error: failure.error },
      fails,
      contradiction,
    ],
    [
      'an error that contains NUL',
      { ...failure, error: { code: 'api_error', message: 'fetch\u0000 failed' } },
      { kind: 'failed', failure: { message: 'fetch failed' } },
      null,
    ],
    ['success together with an error without a code', { ...success, error: 'odd' }, video, contradiction],
    ['a success state with success false', { ...success, success: false }, video, contradiction],
    [
      'an error without a code while the task runs',
      { success: false, error: 'still running', task_id: TASK_ID },
      { kind: 'running' },
      'an error without a code',
    ],
    ['success without a URL', { ...success, video_url: undefined }, missing, 'success without a URL'],
    ['success with an invalid URL', { ...success, video_url: 'javascript:alert(1)' }, missing, 'success without a URL'],
    ['success true without a state or URL', { success: true, task_id: TASK_ID }, { kind: 'running' }, 'no final word'],
    ['success true with a URL and without a state', { ...success, state: undefined }, video, 'no final word'],
    ['success after a byte order mark', `\ufeff${json(success)}`, video, null],
    [
      'success with NaN as duration',
      json({ ...success, duration: 0 }).replace(':0', ':NaN'),
      { kind: 'succeeded', video: { durationSeconds: null } },
      null,
    ],
    ['success without a task id', { ...success, task_id: undefined }, video, 'no task_id'],
    ['an unreadable body', '<html></html>', null, 'unreadable'],
  ])('is decoded from %s', (_name, body, outcome, odd) => {
    const claimed = claim(body);
    expect(claimed.odd).toBe(odd);
    if (outcome === null) expect(claimed.outcome).toBeNull();
    else expect(claimed.outcome).toMatchObject(outcome);
  });
});

describe('an untrusted callback', () => {
  test('is decoded to text that can be stored', () => {
    const { taskId, outcome } = decodeClaim(
      String.raw`{"task_id":"a\ud800","error":{"code":"x\udc00y","message":"😀\ud83d"}}`,
    );
    expect({ taskId, outcome }).toMatchObject({
      taskId: 'a\ufffd',
      outcome: { failure: { upstreamCode: 'x\ufffdy', message: '😀\ufffd' } },
    });
    const long = decodeClaim(JSON.stringify({ error: { code: 'x', message: 'a' + '😀'.repeat(1_000) } })).outcome;
    expect(long?.kind === 'failed' && long.failure.message.isWellFormed()).toBe(true);
  });

  test.each<[string, string, string | null]>([
    ['a number beyond 2^53', '9007199254740993', '9007199254740993'],
    [
      'a number beside strings with digits and escapes',
      String.raw`842578800134742051, "x": "\"9007199254740993"`,
      '842578800134742051',
    ],
    ['text of 255 characters', `"${'7'.repeat(255)}"`, '7'.repeat(255)],
    ['longer text, which is not an id', `"${'7'.repeat(256)}"`, null],
    ['longer text that is blank at the limit, which is not an id', `"${'7'.repeat(200)}${' '.repeat(60)}7"`, null],
  ])('has its task id decoded: %s', (_name, sent, taskId) => {
    expect(decodeClaim(`{"task_id": ${sent}}`).taskId).toBe(taskId);
  });
});

test('a claim translates the body of a callback into the types of the core', () => {
  const body = {
    success: true,
    state: 'succeed',
    task_id: 't',
    video_id: 'v',
    video_url: 'https://a.com/v',
    duration: '5',
  };
  expect(decodeClaim(JSON.stringify(body))).toMatchObject({
    taskId: 't',
    odd: null,
    outcome: { kind: 'succeeded', video: { id: 'v', url: 'https://a.com/v', durationSeconds: 5 } },
  });
  expect(decodeClaim('not JSON')).toEqual({ taskId: null, outcome: null, odd: 'unreadable' });
});
