/** Outcomes and refusals of the upstream, translated into the types of the core. */
import { describe, expect, test } from 'vitest';
import { toOutcome, toRefusal } from '../../../src/upstream/acedata/outcome.ts';
import { succeeded } from '../../fixtures/wire.ts';

const DAY_MS = 86_400_000;

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

  test('of a success on January 1 has a video link that expires on January 31', () => {
    expect(toOutcome({ ...succeeded, kind: 'succeeded' }, Date.UTC(2026, 0, 1))).toMatchObject({
      video: { urlExpiresAt: new Date('2026-01-31') },
    });
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
