/** The vendor's error code for each way in which a job can end without success. docs/rest.md has the same table. */
import type { FailureCode } from '../../jobs/model/job.ts';
import type { ErrorCode } from '../../upstream/acedata/wire/envelopes.ts';

interface Telling {
  readonly code: ErrorCode;
  readonly meaning: string;
}

/** `timeout` if the outcome is unknown or nothing was done: clients then repeat the request and join the job. */
export const failureTellings: Readonly<Record<FailureCode | 'CANCELED', Telling>> = {
  CONTENT_REJECTED: { code: 'forbidden', meaning: 'content moderation refused it' },
  INVALID_MEDIA: { code: 'bad_request', meaning: 'the image or the video cannot be used' },
  UPSTREAM_REJECTED: { code: 'bad_request', meaning: 'the upstream refused it for another reason' },
  UPSTREAM_FAILED: { code: 'api_error', meaning: 'the upstream took it and failed' },
  UPSTREAM_LOST: { code: 'api_error', meaning: 'the upstream does not know it any more' },
  UPSTREAM_CHANGED: {
    code: 'api_error',
    meaning: 'it waited for an upstream that this gateway has no more; nothing was paid',
  },
  MISSING_RESULT: { code: 'api_error', meaning: 'the upstream reported success without a video' },
  SUBMIT_OUTCOME_UNKNOWN: { code: 'timeout', meaning: 'nobody knows whether the upstream took it' },
  TIMED_OUT: { code: 'timeout', meaning: 'no result came in time; a late one still lifts it' },
  QUEUE_EXPIRED: { code: 'timeout', meaning: 'it waited too long to be submitted; nothing was paid' },
  CANCELED: { code: 'bad_request', meaning: 'its owner canceled it' },
};
