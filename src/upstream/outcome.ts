/** From the upstream's words to the core's: outcomes and failure codes. */
import type { Failure, FailureCode } from '../jobs/job.ts';
import type { Outcome, Refusal } from '../jobs/upstream-port.ts';
import { isKnownCode } from './wire/envelopes.ts';
import type { WireOutcome } from './wire/result.ts';
import type { SubmitAnswer } from './wire/submit-answer.ts';

/** The vendor clears results after 30 days. */
const RESULT_KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

/** Codes that are about our token, balance or address: no job can pass until an operator acts. */
const blockingCodes = new Set(['token_mismatched', 'no_token', 'invalid_token', 'token_expired', 'disabled', 'used_up', 'no_api']);
const busyCodes = new Set(['too_many_requests', 'rate_limited']);

/** Words by which upstreams say that the image or the video is at fault, whatever code they chose. */
const aboutMedia = /\b(image|video|media|resolution|ratio|aspect|duration|format|pixel|file size)\b/i;

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
      return { kind: 'failed', failure: failure('MISSING_RESULT', 'The upstream reports success without a video.', 'POSSIBLY_CHARGED') };
    case 'failed':
      return {
        kind: 'failed',
        failure: { ...failure(codeOf(outcome.code, outcome.message, 'UPSTREAM_FAILED'), outcome.message, 'NOT_CHARGED'), upstreamCode: outcome.code, upstreamTraceId: outcome.traceId },
      };
  }
}

/**
 * Classifies by code first, by HTTP status second: 429 and 401 speak for a code that is not in the table. Without any code
 * it is a proxy's answer: 403, 404 and 407 are then about our access too, not about the job.
 */
export function toRefusal({ code, message, httpStatus, traceId }: Extract<SubmitAnswer, { kind: 'refused' }>): Refusal {
  const known = isKnownCode(code);
  const aboutAccess = code === null ? [401, 403, 404, 407] : [401];
  if (known ? busyCodes.has(code) : httpStatus === 429) return { kind: 'busy' };
  if (known ? blockingCodes.has(code) : aboutAccess.includes(httpStatus)) return { kind: 'blocked', reason: code ?? `HTTP ${httpStatus}` };
  const rejected = failure(codeOf(code, message, 'UPSTREAM_REJECTED'), message, 'NOT_CHARGED');
  return { kind: 'rejected', failure: { ...rejected, upstreamCode: code, upstreamTraceId: traceId } };
}

function codeOf(upstreamCode: string | null, message: string, otherwise: FailureCode): FailureCode {
  if (upstreamCode === 'forbidden') return 'CONTENT_REJECTED';
  if (upstreamCode === 'bad_request' && aboutMedia.test(message)) return 'INVALID_MEDIA';
  return otherwise;
}

const failure = (code: FailureCode, message: string, charge: Failure['charge']): Failure => ({ code, message, charge, upstreamCode: null, upstreamTraceId: null });
