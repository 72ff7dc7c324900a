/** Errors that answer a submit: what each code and each status means for the job. */
import { describe, expect, test } from 'vitest';
import { toRefusal } from '../../../../src/upstream/acedata/outcome.ts';
import { errorStatuses, type ErrorCode } from '../../../../src/upstream/acedata/wire/envelopes.ts';
import { decodeSubmitAnswer, type SubmitAnswer } from '../../../../src/upstream/acedata/wire/submit-answer.ts';
import { seed } from '../../../fixtures/wire.ts';

describe('an error that answers a submit', () => {
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

  test('has a test row for every code and its status', () => {
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

  test("of the vendor's documentation keeps its trace id", () => {
    expect(decodeSubmitAnswer(500, seed('error'))).toEqual({
      kind: 'ambiguous',
      enveloped: true,
      reason: 'HTTP 500, api_error: fetch failed',
      traceId: '2cf86e86-22a4-46e1-ac2f-032c0f2a4e89',
      taskId: null,
    });
  });
});
