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

export const MotionJobState = describedEnum<JobState>('MotionJobState', 'The state of a job.', jobStates, {
  QUEUED: 'The job is accepted and stored, and waits for a slot at the upstream. Only a QUEUED job can be canceled.',
  SUBMITTING: 'The job is being submitted to the upstream.',
  UNCONFIRMED:
    'The job was submitted, but the answer was lost: the upstream may have accepted the job. ' +
    'A callback, a look-up or the deadline decides the outcome. ' +
    'The job is submitted again only if a late answer to the submit shows that it certainly did not reach the ' +
    'upstream.',
  PROCESSING:
    'The upstream has accepted the job. ' +
    'This includes the time for which the job waits there; a total of 1 to 5 minutes is usual.',
  SUCCEEDED: 'The job has succeeded: `video` is set.',
  FAILED:
    'The job has ended without a video: `failure` gives the reason. ' +
    'If `failure.final` is false, a late result can still change the job to SUCCEEDED.',
  CANCELED: 'The job was canceled before it was submitted; nothing was spent.',
});

export const MotionMode = describedEnum<Mode>('MotionMode', 'The quality of the video.', motionModes, {
  STD: 'Standard quality, 720p.',
  PRO: 'High quality, 1080p; slower and more expensive.',
});

export const CharacterOrientation = describedEnum<Orientation>(
  'CharacterOrientation',
  'The input that determines the orientation of the character.',
  characterOrientations,
  {
    IMAGE: 'The orientation of the image. The motion video may last 3 to 10 seconds.',
    VIDEO: 'The orientation of the motion video, which may last 3 to 30 seconds.',
  },
);

export const SettledBy = describedEnum<Source>('SettledBy', 'How the end of a job became known.', settledBys, {
  SUBMIT_ANSWER: "The upstream's answer to the submit.",
  CALLBACK: "The upstream's callback.",
  POLL: 'A look-up at the upstream.',
  LISTING: "A listing of the upstream's tasks, in which the task was found by the callback URL that it echoes.",
  DEADLINE: 'A deadline of the gateway passed.',
  CANCEL: 'The client canceled the job.',
});

export const ChargeStatus = describedEnum<Charge>(
  'ChargeStatus',
  'The charge of the upstream for a failed job, as far as it is known.',
  chargeStatuses,
  {
    NOT_CHARGED: 'The job was not charged.',
    POSSIBLY_CHARGED: 'It is not known whether the job was charged: the upstream may have done the work.',
    CHARGED: 'The job was charged.',
  },
);

export const MotionFailureCode = describedEnum<FailureCode>(
  'MotionFailureCode',
  'The reason why a job failed.',
  failureCodes,
  {
    CONTENT_REJECTED: "The upstream's content moderation rejected the input.",
    INVALID_MEDIA: 'The upstream could not use the image or the video: see the limits at `imageUrl` and `videoUrl`.',
    UPSTREAM_REJECTED: 'The upstream rejected the request.',
    UPSTREAM_FAILED: 'The upstream accepted the job, but failed to complete it.',
    UPSTREAM_LOST: 'The upstream accepted the job, but no longer has a record of it.',
    UPSTREAM_CHANGED:
      'The job was accepted for a different upstream than the one that the gateway now uses, and was never submitted.',
    SUBMIT_OUTCOME_UNKNOWN: 'The submit was never answered, so it is not known whether the upstream accepted the job.',
    TIMED_OUT: 'The upstream did not finish the job before the deadline.',
    QUEUE_EXPIRED: 'The job waited in the queue until its deadline; nothing was spent.',
    MISSING_RESULT: 'The upstream reported success without a video.',
  },
);

export const UserErrorCode = describedEnum<ErrorCode>(
  'UserErrorCode',
  'The code of an error that the client can act on.',
  userErrorCodes,
  {
    INVALID_URL: 'The value is not an absolute http(s) URL.',
    URL_HAS_CREDENTIALS: 'The URL contains a user name or a password.',
    PRIVATE_ADDRESS: 'The host of the URL is private, local or otherwise special.',
    TOO_LONG: 'The value is longer than the field allows.',
    TOO_MANY: 'The number of entries exceeds the limit.',
    INVALID_FORMAT: 'The value does not have the format that the field requires.',
    DUPLICATE: 'The value occurs more than once.',
    IDEMPOTENCY_KEY_REUSED: 'The idempotency key was used before with a different input. Nothing was accepted.',
    NOT_FOUND: 'No object with this id was found.',
    NOT_CANCELABLE: 'The job can no longer be canceled: the upstream has accepted it, or it has ended.',
    CANCEL_REQUESTED:
      'The job is being submitted, or its submit was never answered. ' +
      'It is canceled if that attempt certainly did not reach the upstream; otherwise it continues.',
    JOB_DELETED:
      'The job of this idempotency key was deleted. Nothing was accepted; use a new key to generate a new job.',
    NOT_TERMINAL: 'The job has not ended.',
    QUOTA_EXHAUSTED: "The account's quota has no jobs left. Nothing was accepted.",
    ENDPOINT_DISABLED: 'The webhook endpoint is disabled or no longer exists.',
  },
);
