/** Error codes, and the envelopes in which the upstream sends errors. */
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

describe('an error code', () => {
  test('is known, and either rules a task out or leaves it in doubt', () => {
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
