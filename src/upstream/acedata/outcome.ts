/** Converts the upstream's results and errors to the core's outcomes and failure codes. */
import type { Failure, FailureCode } from '../../jobs/model/job.ts';
import type { Outcome, Refusal } from '../../jobs/model/upstream-news.ts';
import { redactText } from './redact.ts';
import { isKnownCode } from './wire/envelopes.ts';
import { isRedirect } from './wire/redirect.ts';
import type { WireOutcome } from './wire/result.ts';
import type { SubmitAnswer } from './wire/submit-answer.ts';

/** The retention period of results: the vendor deletes them after 30 days. */
const RESULT_KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

/** Codes that concern our token, balance or address: no job can pass until an operator acts. */
const blockingCodes = new Set([
  'token_mismatched',
  'no_token',
  'invalid_token',
  'token_expired',
  'disabled',
  'used_up',
  'no_api',
]);
const busyCodes = new Set(['too_many_requests', 'rate_limited']);

/** Words in the message of a `bad_request` that blame the image or the video. */
const aboutMedia = /(?<![\w-])(image|video|media|resolution|ratio|aspect|duration|format|pixel|file size)\b/i;

export function toOutcome(outcome: WireOutcome, now: number = Date.now()): Outcome {
  switch (outcome.kind) {
    case 'running':
      return { kind: 'running' };
    case 'succeeded':
      return {
        kind: 'succeeded',
        video: {
          id: outcome.videoId,
          url: outcome.videoUrl,
          durationSeconds: outcome.durationSeconds,
          urlExpiresAt: new Date(now + RESULT_KEPT_MS),
        },
      };
    case 'missing':
      return {
        kind: 'failed',
        failure: failure('MISSING_RESULT', 'The upstream reported success without a video.', 'POSSIBLY_CHARGED'),
      };
    case 'failed':
      return {
        kind: 'failed',
        failure: {
          ...failure(
            codeOf(outcome.code, outcome.message, 'UPSTREAM_FAILED'),
            redactText(outcome.message),
            'NOT_CHARGED',
          ),
          upstreamCode: outcome.code,
          upstreamTraceId: outcome.traceId,
        },
      };
  }
}

/**
 * Classifies by code first and by HTTP status second: 429, 401, 402 and 407 stand in for a code that is not in the
 * table. A response without any code comes from a proxy. Its 403 or 404 then most likely concerns our access too, but a
 * firewall may also have rejected this one prompt.
 */
export function toRefusal({ code, message, httpStatus, traceId }: Extract<SubmitAnswer, { kind: 'refused' }>): Refusal {
  if (isRedirect(httpStatus)) return { kind: 'blocked', reason: message };
  const known = isKnownCode(code);
  const reason = code ?? `HTTP ${httpStatus}`;
  if (known ? busyCodes.has(code) : httpStatus === 429) return { kind: 'busy' };
  if (known ? blockingCodes.has(code) : [401, 402, 407].includes(httpStatus)) return { kind: 'blocked', reason };
  const rejected = {
    ...failure(codeOf(code, message, 'UPSTREAM_REJECTED'), redactText(message), 'NOT_CHARGED'),
    upstreamCode: code,
    upstreamTraceId: traceId,
  };
  if (code === null && (httpStatus === 403 || httpStatus === 404))
    return { kind: 'blocked', reason, failure: rejected };
  return { kind: 'rejected', failure: rejected };
}

function codeOf(upstreamCode: string | null, message: string, otherwise: FailureCode): FailureCode {
  if (upstreamCode === 'forbidden') return 'CONTENT_REJECTED';
  if (upstreamCode === 'bad_request' && aboutMedia.test(message)) return 'INVALID_MEDIA';
  return otherwise;
}

const failure = (code: FailureCode, message: string, charge: Failure['charge']): Failure => ({
  code,
  message,
  charge,
  upstreamCode: null,
  upstreamTraceId: null,
});
