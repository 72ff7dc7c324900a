/** The enums of jobs. */
import {
  characterOrientations,
  chargeStatuses,
  failureCodes,
  jobStates,
  motionModes,
  settledBys,
  type CharacterOrientation as Orientation,
  type ChargeStatus as Charge,
  type FailureCode,
  type JobState,
  type MotionMode as Mode,
  type SettledBy as Source,
} from '../jobs/model/job.ts';
import { describedEnum } from './described-enum.ts';
import { userErrorCodes, type UserErrorCode as ErrorCode } from './user-error-codes.ts';

export const MotionJobState = describedEnum<JobState>('MotionJobState', 'Where a job is in its life.', jobStates, {
  QUEUED: 'Accepted and stored; waiting for a place at the upstream. The only state that can be canceled.',
  SUBMITTING: 'Being handed to the upstream at this moment.',
  UNCONFIRMED:
    'The submit was sent and its answer was lost: the upstream may have taken the job. A callback, a look-up or the deadline decides; it is sent again only if its own answer, heard late, says that it surely did not arrive.',
  PROCESSING: 'The upstream has taken it. This includes waiting there; 1 to 5 minutes in all are usual.',
  SUCCEEDED: 'Done: `video` is set.',
  FAILED:
    'Ended without a video: `failure` says why. When `failure.final` is false a late result may still lift it to SUCCEEDED.',
  CANCELED: 'Canceled before it was submitted; nothing was spent.',
});

export const MotionMode = describedEnum<Mode>('MotionMode', 'The quality of the video.', motionModes, {
  STD: 'Standard, 720p.',
  PRO: 'High quality, 1080p; slower and dearer.',
});

export const CharacterOrientation = describedEnum<Orientation>(
  'CharacterOrientation',
  'Which input decides how the character is turned.',
  characterOrientations,
  {
    IMAGE: 'As in the image. The motion video may last 3 to 10 seconds.',
    VIDEO: 'As in the motion video, which may last 3 to 30 seconds.',
  },
);

export const SettledBy = describedEnum<Source>('SettledBy', 'Who told us how a job ended.', settledBys, {
  SUBMIT_ANSWER: 'The answer to the submit itself.',
  CALLBACK: "The upstream's callback.",
  POLL: 'A look-up at the upstream.',
  LISTING: "A listing of the upstream's tasks, where ours was found by the callback URL that it echoes.",
  DEADLINE: 'A deadline of ours passed.',
  CANCEL: 'The client canceled it.',
});

export const ChargeStatus = describedEnum<Charge>(
  'ChargeStatus',
  'What a failed job cost at the upstream, as far as it is known.',
  chargeStatuses,
  {
    NOT_CHARGED: 'Nothing.',
    POSSIBLY_CHARGED: 'Not known: the upstream may have done the work.',
    CHARGED: 'It was charged.',
  },
);

export const MotionFailureCode = describedEnum<FailureCode>('MotionFailureCode', 'Why a job failed.', failureCodes, {
  CONTENT_REJECTED: "The upstream's content moderation refused the input.",
  INVALID_MEDIA: 'The upstream could not use the image or the video: see the limits at `imageUrl` and `videoUrl`.',
  UPSTREAM_REJECTED: 'The upstream refused the request.',
  UPSTREAM_FAILED: 'The upstream took the job and failed at it.',
  UPSTREAM_LOST: 'The upstream took the job and no longer knows it.',
  UPSTREAM_CHANGED: 'The job was accepted for another upstream than the gateway has now, and was never submitted.',
  SUBMIT_OUTCOME_UNKNOWN: 'The submit was never answered, so it is not known whether the upstream took the job.',
  TIMED_OUT: 'The upstream did not finish before the deadline.',
  QUEUE_EXPIRED: 'The job waited in the queue until its deadline; nothing was spent.',
  MISSING_RESULT: 'The upstream reports success without a video.',
});

export const UserErrorCode = describedEnum<ErrorCode>('UserErrorCode', 'What a client can act on.', userErrorCodes, {
  INVALID_URL: 'Not an absolute http(s) URL.',
  URL_HAS_CREDENTIALS: 'The URL carries a user name or a password.',
  PRIVATE_ADDRESS: 'The URL names a private, local or otherwise special host.',
  TOO_LONG: 'Longer than the field allows.',
  TOO_MANY: 'More entries than the field allows.',
  INVALID_FORMAT: 'Not of the form that the field asks for.',
  DUPLICATE: 'Occurs more than once.',
  IDEMPOTENCY_KEY_REUSED: 'The idempotency key was used before with another input. Nothing was accepted.',
  NOT_FOUND: 'There is nothing with this id.',
  NOT_CANCELABLE: 'Too late: the upstream has the job, or it has ended.',
  CANCEL_REQUESTED:
    'The job is being submitted at this moment, or its submit was never answered. It is canceled if that attempt surely did not arrive, and goes on otherwise.',
  JOB_DELETED: 'The job of this idempotency key was deleted. Nothing was accepted; use a new key for a new job.',
  NOT_TERMINAL: 'The job has not ended.',
  QUOTA_EXHAUSTED: 'No job is left of the quota of the account. Nothing was accepted.',
  ENDPOINT_DISABLED: 'The webhook endpoint is disabled, or is there no more.',
});
