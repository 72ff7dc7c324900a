/** The vendor's error code for each way in which a job can end without success. docs/rest.md has the same table. */
import type { FailureCode } from '../../jobs/model/job.ts';
import type { ErrorCode } from '../../upstream/acedata/wire/envelopes.ts';

interface Telling {
  readonly code: ErrorCode;
  readonly meaning: string;
}

/** `timeout` if the outcome is unknown or nothing was done: clients then repeat the request and join the job. */
export const failureTellings: Readonly<Record<FailureCode | 'CANCELED', Telling>> = {
  CONTENT_REJECTED: { code: 'forbidden', meaning: 'content moderation rejected the input' },
  INVALID_MEDIA: { code: 'bad_request', meaning: 'the upstream cannot use the image or the video' },
  UPSTREAM_REJECTED: { code: 'bad_request', meaning: 'the upstream refused the task for another reason' },
  UPSTREAM_FAILED: { code: 'api_error', meaning: 'the upstream accepted the task, but failed to complete it' },
  UPSTREAM_LOST: { code: 'api_error', meaning: 'the upstream no longer knows the task' },
  UPSTREAM_CHANGED: {
    code: 'api_error',
    meaning: 'the task was meant for an upstream that the gateway no longer uses; nothing was charged',
  },
  MISSING_RESULT: { code: 'api_error', meaning: 'the upstream reported success without a video' },
  SUBMIT_OUTCOME_UNKNOWN: { code: 'timeout', meaning: 'it is not known whether the upstream accepted the task' },
  TIMED_OUT: { code: 'timeout', meaning: 'no result arrived before the deadline; a late result replaces the failure' },
  QUEUE_EXPIRED: { code: 'timeout', meaning: 'the task waited too long to be submitted; nothing was charged' },
  CANCELED: { code: 'bad_request', meaning: 'the client canceled the task' },
};
