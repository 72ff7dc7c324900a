import { describe, expect, test } from 'vitest';
import { decodeClaim } from '../../../src/upstream/acedata/callback-body.ts';
import { createCallbackUrls } from '../../../src/upstream/callback-url.ts';
import { toOutcome, toRefusal } from '../../../src/upstream/acedata/outcome.ts';
import { redactText } from '../../../src/upstream/acedata/redact.ts';

const JOB = '0199aaaa-0000-7000-8000-000000000000';
const DAY_MS = 86_400_000;

describe('the redaction of external text', () => {
  test.each([
    ['no link at all', 'no link at all'],
    ['https://a.com/x.mp4', 'https://a.com/x.mp4'],
    ['see https://a.com/x.mp4?sign=secret now', 'see https://a.com/x.mp4?[redacted] now'],
    ['http://a.com/?', 'http://a.com/?[redacted]'],
    ['HTTP://A.com/x?sign=secret', 'HTTP://A.com/x?[redacted]'],
    ['a question? https://a.com', 'a question? https://a.com'],
    ['https://a.com then a question?', 'https://a.com then a question?'],
    ['https://a.com/1?x https://b.com/2?y', 'https://a.com/1?[redacted] https://b.com/2?[redacted]'],
    ['https://a.com/?to=https://b.com/?secret z', 'https://a.com/?[redacted] z'],
    ['{"url":"https://a.com/x?sign=a b","next":1}', '{"url":"https://a.com/x?[redacted]","next":1}'],
    ["{'url': ' https://a.com/x?sign=a b','next':1}", "{'url': ' https://a.com/x?[redacted]','next':1}"],
    [
      String.raw`{"body":"{\"url\":\"https://a.com/x?sign=a b\",\"n\":1}"}`,
      String.raw`{"body":"{\"url\":\"https://a.com/x?[redacted]\",\"n\":1}"}`,
    ],
    [
      String.raw`{"url":"https://a.com/x?q=\"a b\"&sign=secret","n":1}`,
      String.raw`{"url":"https://a.com/x?[redacted]","n":1}`,
    ],
    [String.raw`{"url":"https:\/\/a.com\/x\u003fsign=secret"}`, String.raw`{"url":"https:\/\/a.com\/x?[redacted]"}`],
    [
      String.raw`{"url":"https\u003a\u002f\u002fa.com\x3fsign=secret"}`,
      String.raw`{"url":"https\u003a\u002f\u002fa.com?[redacted]"}`,
    ],
    ['https%3A%2F%2Fa.com%2Fx%3Fsign%3Dsecret', 'https%3A%2F%2Fa.com%2Fx?[redacted]'],
    ['https%253A%252F%252Fa.com%253Fsecret', 'https%253A%252F%252Fa.com?[redacted]'],
    ['"https://a.com/x?never closed', '"https://a.com/x?[redacted]'],
    ['https://a.com/x\0?a', 'https://a.com/x?[redacted]'],
    ['a\0b\0', 'ab'],
  ])('removes query strings of links from %j', (text, kept) => expect(redactText(text)).toBe(kept));

  test.each([
    [`https://gw.example.com/callbacks/${JOB}/1.AAAAAAAA.mac`, `https://gw.example.com/callbacks/${JOB}/[redacted]`],
    [`"/callbacks/${JOB}/1.AAAAAAAA.mac" and more`, `"/callbacks/${JOB}/[redacted]" and more`],
    [`CALLBACKS/${JOB.toUpperCase()}/1.mac`, `CALLBACKS/${JOB.toUpperCase()}/[redacted]`],
    [`callbacks\\/${JOB}\\/1.mac"`, `callbacks\\/${JOB}\\/[redacted]"`],
    [`callbacks%2F${JOB.replaceAll('-', '%2d')}%2F1.mac`, `callbacks%2F${JOB.replaceAll('-', '%2d')}%2F[redacted]`],
    [
      `callbacks\\u002f${JOB.replaceAll('-', '\\u002d')}\\u002f1.mac`,
      `callbacks\\u002f${JOB.replaceAll('-', '\\u002d')}\\u002f[redacted]`,
    ],
    [`callbacks/${JOB}/a callbacks/${JOB}/b`, `callbacks/${JOB}/[redacted] callbacks/${JOB}/[redacted]`],
    [`callbacks/${JOB.slice(1)}/1.mac`, `callbacks/${JOB.slice(1)}/1.mac`],
    [`callbacks/${JOB}/`, `callbacks/${JOB}/`],
  ])('removes tokens of callback URLs from %j', (text, kept) => expect(redactText(text)).toBe(kept));
});

describe('an outcome', () => {
  test('of a running task is running', () => expect(toOutcome({ kind: 'running' })).toEqual({ kind: 'running' }));

  test('of a success has the video, whose link expires after 30 days', () => {
    expect(
      toOutcome({ kind: 'succeeded', videoId: 'v', videoUrl: 'https://a.com/v', durationSeconds: 5 }, 1_000),
    ).toEqual({
      kind: 'succeeded',
      video: { id: 'v', url: 'https://a.com/v', durationSeconds: 5, urlExpiresAt: new Date(1_000 + 30 * DAY_MS) },
    });
    const now = toOutcome({ kind: 'succeeded', videoId: 'v', videoUrl: 'https://a.com/v', durationSeconds: null });
    expect(now).toMatchObject({ video: { durationSeconds: null } });
    if (now.kind === 'succeeded')
      expect(Math.abs(now.video.urlExpiresAt!.getTime() - Date.now() - 30 * DAY_MS)).toBeLessThan(DAY_MS);
  });

  test('of a success without a video is a failure that may have been charged', () => {
    expect(toOutcome({ kind: 'missing' })).toEqual({
      kind: 'failed',
      failure: {
        code: 'MISSING_RESULT',
        message: 'The upstream reported success without a video.',
        charge: 'POSSIBLY_CHARGED',
        upstreamCode: null,
        upstreamTraceId: null,
      },
    });
  });

  test.each([
    ['forbidden', 'no', 'CONTENT_REJECTED'],
    ['bad_request', 'The IMAGE is too small', 'INVALID_MEDIA'],
    ['bad_request', 'the file size is too large', 'INVALID_MEDIA'],
    ['bad_request', 'the imagery is too small', 'UPSTREAM_FAILED'],
    ['api_error', 'the video is broken', 'UPSTREAM_FAILED'],
    [null, 'no', 'UPSTREAM_FAILED'],
  ] as const)('of a failure with code %s and message %s is %s', (code, message, expected) => {
    expect(toOutcome({ kind: 'failed', code, message, traceId: 't' })).toEqual({
      kind: 'failed',
      failure: { code: expected, message, charge: 'NOT_CHARGED', upstreamCode: code, upstreamTraceId: 't' },
    });
  });

  test('has no query strings of links in its message', () => {
    expect(
      toOutcome({ kind: 'failed', code: null, message: 'see https://a.com/?secret', traceId: null }),
    ).toMatchObject({ failure: { message: 'see https://a.com/?[redacted]' } });
  });
});

describe('a refusal', () => {
  const refuse = (code: string | null, httpStatus: number, message = 'no') =>
    toRefusal({ kind: 'refused', code, message, httpStatus, traceId: 't', taskId: null });
  const rejected = (upstreamCode: string | null, code = 'UPSTREAM_REJECTED', message = 'no') => ({
    code,
    message,
    charge: 'NOT_CHARGED',
    upstreamCode,
    upstreamTraceId: 't',
  });

  test.each(['token_mismatched', 'no_token', 'invalid_token', 'token_expired', 'disabled', 'used_up', 'no_api'])(
    'with code %s blocks submits, regardless of the status',
    (code) => {
      expect(refuse(code, 400)).toEqual({ kind: 'blocked', reason: code });
      expect(refuse(code, 429)).toEqual({ kind: 'blocked', reason: code });
    },
  );

  test.each(['too_many_requests', 'rate_limited'])(
    'with code %s means that the upstream is busy, regardless of the status',
    (code) => {
      expect(refuse(code, 400)).toEqual({ kind: 'busy' });
    },
  );

  test('with a known code is classified by the code and not by the status', () => {
    for (const status of [401, 402, 407, 429, 403, 404])
      expect(refuse('bad_request', status)).toEqual({ kind: 'rejected', failure: rejected('bad_request') });
    expect(refuse('forbidden', 401)).toEqual({ kind: 'rejected', failure: rejected('forbidden', 'CONTENT_REJECTED') });
    expect(refuse('bad_request', 400, 'the pixel ratio')).toEqual({
      kind: 'rejected',
      failure: rejected('bad_request', 'INVALID_MEDIA', 'the pixel ratio'),
    });
  });

  test('with an unknown code or without one is classified by the status', () => {
    for (const code of [null, 'unheard_of']) {
      expect(refuse(code, 429)).toEqual({ kind: 'busy' });
      for (const status of [401, 402, 407])
        expect(refuse(code, status)).toEqual({ kind: 'blocked', reason: code ?? `HTTP ${status}` });
      expect(refuse(code, 400)).toEqual({ kind: 'rejected', failure: rejected(code) });
    }
    for (const status of [403, 404]) {
      expect(refuse(null, status)).toEqual({ kind: 'blocked', reason: `HTTP ${status}`, failure: rejected(null) });
      expect(refuse('unheard_of', status)).toEqual({ kind: 'rejected', failure: rejected('unheard_of') });
    }
    expect(refuse(null, 400, 'https://a.com/?secret')).toMatchObject({
      failure: { message: 'https://a.com/?[redacted]' },
    });
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

describe('a callback URL', () => {
  const urls = createCallbackUrls(['a secret of the tests'], () => 'https://gw.example.com///');
  const fixed =
    'https://gw.example.com/callbacks/0199aaaa-0000-7000-8000-000000000000/1.aLv7FBTk.y_GVO7vuk9ImaGbom207ODH9u_Ii6fGp5nRtxfwL6Aw';

  test('is stable across releases', () => {
    expect(urls.urlFor(JOB, 1)).toBe(fixed);
    expect(urls.verifyUrl(fixed)).toEqual({ jobId: JOB, attempt: 1 });
  });

  test('has an attempt from 1 to 999,999,999 without leading zeros', () => {
    const token = (attempt: number) => urls.urlFor(JOB, attempt)!.split('/').at(-1)!;
    expect(urls.verify(JOB, token(999_999_999))).toEqual({ jobId: JOB, attempt: 999_999_999 });
    expect(urls.verify(JOB, token(10))).toEqual({ jobId: JOB, attempt: 10 });
    for (const bad of [
      token(1_000_000_000),
      token(0),
      `0${token(1)}`,
      `x${token(1)}`,
      `${token(1)}x`,
      token(1).replace('1.', '2.'),
      ` ${token(1)}`,
    ])
      expect(urls.verify(JOB, bad), bad).toBeNull();
    expect(urls.verify(`${JOB.slice(0, -1)}1`, token(1))).toBeNull();
  });

  test('is verified below any host when the upstream echoes it, but not with a suffix', () => {
    const [, path] = fixed.split('gw.example.com');
    expect(urls.verifyUrl(`http://another${path}`)).toEqual({ jobId: JOB, attempt: 1 });
    for (const bad of [
      `${fixed}/`,
      `${fixed}?a`,
      `${fixed}#a`,
      fixed.replace('/callbacks/', '/callback/'),
      fixed.replace(JOB, JOB.slice(1)),
    ])
      expect(urls.verifyUrl(bad), bad).toBeNull();
  });

  test('requires a secret', () => {
    expect(() => createCallbackUrls([], () => null)).toThrow('callback URLs need a secret');
  });
});
