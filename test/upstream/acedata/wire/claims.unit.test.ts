import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeClaim } from '../../../../src/upstream/acedata/callback-body.ts';
import { redactText } from '../../../../src/upstream/acedata/redact.ts';
import { toOutcome } from '../../../../src/upstream/acedata/outcome.ts';
import { decodeLookUp } from '../../../../src/upstream/acedata/wire/look-up.ts';
import { encodeFailure, encodeSuccess } from '../../../../src/upstream/acedata/wire/result.ts';
import { decodeSubmitAnswer } from '../../../../src/upstream/acedata/wire/submit-answer.ts';
import { failure, json, seed, succeeded, success, TASK_ID, URL_A } from '../../../fixtures/wire.ts';

describe('the claim of a callback', () => {
  const claim = (body: unknown) => decodeClaim(json(body));
  const video = { kind: 'succeeded', video: { id: '842578800134742051', url: URL_A, durationSeconds: 5.066 } };
  const fails = { kind: 'failed', failure: { code: 'UPSTREAM_FAILED', upstreamCode: 'api_error' } };
  const missing = { kind: 'failed', failure: { code: 'MISSING_RESULT', charge: 'POSSIBLY_CHARGED' } };
  const contradiction = 'success and failure at once';

  test.each<[string, unknown, object | null, string | null]>([
    [
      'the success of the seed document',
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
      'a failure word',
      { task_id: TASK_ID, state: 'failed' },
      { kind: 'failed', failure: { upstreamCode: null } },
      null,
    ],
    ['success with fields that nobody knows', { ...success, trace_id: 't', cost: { credits: 1 } }, video, null],
    ['success with a number as duration', { ...success, duration: 5.066 }, video, null],
    [
      'success without a duration that can be read',
      { ...success, duration: 'long' },
      { kind: 'succeeded', video: { durationSeconds: null } },
      null,
    ],
    [
      'success with its video id unquoted',
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
      'success true without a word, together with a structured error',
      { success: true, task_id: TASK_ID, error: failure.error },
      fails,
      contradiction,
    ],
    [
      'an error with a NUL in it',
      { ...failure, error: { code: 'api_error', message: 'fetch\u0000 failed' } },
      { kind: 'failed', failure: { message: 'fetch failed' } },
      null,
    ],
    ['success together with an error in words', { ...success, error: 'odd' }, video, contradiction],
    ['a success word with success false', { ...success, success: false }, video, contradiction],
    [
      'an error in words while the task runs',
      { success: false, error: 'still running', task_id: TASK_ID },
      { kind: 'running' },
      'an error without a code',
    ],
    ['success without a URL', { ...success, video_url: undefined }, missing, 'success without a URL'],
    [
      'success with a URL that is none',
      { ...success, video_url: 'javascript:alert(1)' },
      missing,
      'success without a URL',
    ],
    ['success true and no more', { success: true, task_id: TASK_ID }, { kind: 'running' }, 'no final word'],
    ['success true with a URL and no word', { ...success, state: undefined }, video, 'no final word'],
    ['success after a byte order mark', `\ufeff${json(success)}`, video, null],
    [
      'success with NaN as duration',
      json({ ...success, duration: 0 }).replace(':0', ':NaN'),
      { kind: 'succeeded', video: { durationSeconds: null } },
      null,
    ],
    ['success of nobody knows which task', { ...success, task_id: undefined }, video, 'no task_id'],
    ['nothing that can be read', '<html></html>', null, 'unreadable'],
  ])('is decoded from %s', (_name, body, outcome, odd) => {
    const claimed = claim(body);
    expect(claimed.odd).toBe(odd);
    if (outcome === null) expect(claimed.outcome).toBeNull();
    else expect(claimed.outcome).toMatchObject(outcome);
  });

  test('has a video link that expires after 30 days', () => {
    expect(toOutcome({ ...succeeded, kind: 'succeeded' }, Date.UTC(2026, 0, 1))).toMatchObject({
      video: { urlExpiresAt: new Date('2026-01-31') },
    });
  });
});

describe('untrusted input', () => {
  const words = fc.constantFrom(
    'task_id',
    'success',
    'state',
    'error',
    'code',
    'message',
    'detail',
    'video_url',
    'video_id',
    'items',
    'id',
    'response',
    'finished_at',
    'succeed',
    'failed',
    URL_A,
  );
  const { body } = fc.letrec<{ body: unknown }>((tie) => ({
    body: fc.oneof(
      { maxDepth: 4 },
      words,
      fc.jsonValue(),
      fc.bigInt(),
      fc.dictionary(words, tie('body')),
      fc.array(tie('body')),
    ),
  }));
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    body.map(
      (value) => JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part)) ?? '',
    ),
  );

  test('never makes a decoder throw', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 200, max: 599 }), (sent, status) => {
        expect(decodeClaim(sent)).toHaveProperty('odd');
        expect(['accepted', 'refused', 'ambiguous']).toContain(decodeSubmitAnswer(status, sent).kind);
        expect(['found', 'unknown', 'error']).toContain(decodeLookUp(status, sent).kind);
        expect(redactText(sent)).not.toContain('\0');
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    [
      'a signed link',
      '{"video_url":"https://cdn.example.com/a.mp4?sign=secret&t=1","n":1}',
      '{"video_url":"https://cdn.example.com/a.mp4?[redacted]","n":1}',
    ],
    [
      'two links',
      "see http://a.com/a?secret and 'https://b.com?secret'",
      "see http://a.com/a?[redacted] and 'https://b.com?[redacted]'",
    ],
    [
      'escaped slashes',
      String.raw`{"video_url":"https:\/\/cdn.example.com\/a.mp4?sign=se\/cret","n":1}`,
      String.raw`{"video_url":"https:\/\/cdn.example.com\/a.mp4?[redacted]","n":1}`,
    ],
    [
      'escaped ampersands',
      String.raw`{"video_url":"https://cdn.example.com/a.mp4?t\u003d1\u0026sign=secret","n":1}`,
      '{"video_url":"https://cdn.example.com/a.mp4?[redacted]","n":1}',
    ],
    [
      'JSON in JSON',
      String.raw`{"raw":"{\"url\":\"https://a.com/a?sign=secret\",\"n\":1}"}`,
      String.raw`{"raw":"{\"url\":\"https://a.com/a?[redacted]\",\"n\":1}"}`,
    ],
    [
      'a callback URL',
      `{"u":"https://g.com/callbacks/${TASK_ID}/1.AbC_-9.secret-_9","n":1}`,
      `{"u":"https://g.com/callbacks/${TASK_ID}/[redacted]","n":1}`,
    ],
    [
      'an escaped callback URL',
      String.raw`"https:\/\/g.com\/callbacks\/${TASK_ID}\/1.k.secret"`,
      String.raw`"https:\/\/g.com\/callbacks\/${TASK_ID}\/[redacted]"`,
    ],
    [
      'JSON with escapes in JSON',
      String.raw`"{\"url\":\"https:\\\/\\\/a.com\\\/a?sign=se\\\/cret\\u0026t=1\",\"n\":1}"`,
      String.raw`"{\"url\":\"https:\\\/\\\/a.com\\\/a?[redacted]\",\"n\":1}"`,
    ],
    [
      'a question mark that is escaped',
      String.raw`{"u":"https://a.com/a\u003fsign=secret","n":1}`,
      '{"u":"https://a.com/a?[redacted]","n":1}',
    ],
    [
      'slashes that are escaped as other signs are',
      String.raw`{"u":"https\u003A\u002F\u002Fa.com\x2Fa?sign=secret","n":1}`,
      String.raw`{"u":"https\u003A\u002F\u002Fa.com\x2Fa?[redacted]","n":1}`,
    ],
    [
      'one slash, as some write it',
      '{"u":"https:/a.com/a?sign=secret","n":1}',
      '{"u":"https:/a.com/a?[redacted]","n":1}',
    ],
    [
      'an apostrophe before the secret',
      `{"u":"https://a.com/a?by=O'Neil&sign=secret","n":1}`,
      '{"u":"https://a.com/a?[redacted]","n":1}',
    ],
    [
      'blanks and a quote before the secret',
      String.raw`{"u":" https://a.com/a b?by=x y\"z\\&sign=secret","n":1}`,
      '{"u":" https://a.com/a b?[redacted]","n":1}',
    ],
    [
      'words around it',
      `{"message":"no https://a.com/a?by=O'Neil&sign=secret today","n":1}`,
      '{"message":"no https://a.com/a?[redacted] today","n":1}',
    ],
    ['a form', 'n=1&u=https%3A%2F%2Fa.com%2Fa%3Fsign%3Dsecret', 'n=1&u=https%3A%2F%2Fa.com%2Fa?[redacted]'],
    [
      'a link in a link',
      '"https://b.com/https%253A%252F%252Fa.com%252Fa%253Fsign%253Dsecret"',
      '"https://b.com/https%253A%252F%252Fa.com%252Fa?[redacted]"',
    ],
    [
      'a callback URL with its signs escaped',
      String.raw`"/callbacks\u002F${TASK_ID.replaceAll('-', '\\u002D')}\u002F1\u002Ek\u002Esecret"`,
      String.raw`"/callbacks\u002F${TASK_ID.replaceAll('-', '\\u002D')}\u002F[redacted]"`,
    ],
    [
      'a callback URL in a form',
      `u=https%3A%2F%2Fg.com%2Fcallbacks%2F${TASK_ID}%2F1.k.secret`,
      `u=https%3A%2F%2Fg.com%2Fcallbacks%2F${TASK_ID}%2F[redacted]`,
    ],
    [
      'half a link',
      '{"video_url":"https://cdn.example.com/a.mp4?sign=sec',
      '{"video_url":"https://cdn.example.com/a.mp4?[redacted]',
    ],
    ['NUL', 'a\0b', 'ab'],
    ['no link', '{"q":"what? https://a.com/b#c"}', '{"q":"what? https://a.com/b#c"}'],
  ])('is stored without secrets: %s', (_name, sent, kept) => {
    expect(redactText(sent)).toBe(kept);
  });

  test.each([
    'http:',
    ' http:',
    '"http',
    '\\"http://',
    '"http://\\',
    '%25',
    'https%25',
    '\\u003f',
    'callbacks/',
    'callbacks\\',
    '" ',
    'http://',
    'http://a?',
    '/callbacks/',
    '\\',
    'http:\\',
    'https://a?\\',
  ])('is redacted within 500 ms of CPU time if it repeats %j up to 64 KiB', (part) => {
    // CPU time does not include other work on the machine; quadratic time would take seconds.
    const begin = process.cpuUsage();
    redactText(part.repeat(65_536 / part.length));
    expect(process.cpuUsage(begin).user).toBeLessThan(500_000);
  });

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
    ['is the same number', '9007199254740993', '9007199254740993'],
    [
      'among strings with digits and escapes',
      String.raw`842578800134742051, "x": "\"9007199254740993"`,
      '842578800134742051',
    ],
    ['of 255 characters is kept', `"${'7'.repeat(255)}"`, '7'.repeat(255)],
    ['that is longer is no id', `"${'7'.repeat(256)}"`, null],
    ['that is longer, and blank where it would be cut, is no id', `"${'7'.repeat(200)}${' '.repeat(60)}7"`, null],
  ])('has its task id decoded: %s', (_name, sent, taskId) => {
    expect(decodeClaim(`{"task_id": ${sent}}`).taskId).toBe(taskId);
  });
});
