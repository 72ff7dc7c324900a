/** The enums of timelines. */
import { jobEventTypes, submitEndKinds, verdicts } from '../jobs/model/job-event.ts';
import { describedEnum } from './described-enum.ts';

export const JobEventType = describedEnum('JobEventType', 'The type of an event of a job.', jobEventTypes, {
  ACCEPTED: 'The job was accepted and stored.',
  ATTEMPT_BEGUN: 'An attempt to submit the job began. From this point on, the upstream may have received it.',
  ATTEMPT_ENDED: 'An attempt to submit the job ended; see `submitEnd`.',
  LEASE_EXPIRED: 'The lease of the attempt expired, because the instance that made it did not report how it ended.',
  CALLBACK: 'The upstream called back with a body that it had not sent before; see `verdict`.',
  CLAIM_JUDGED: 'A look-up confirmed or refuted the claim of a callback; see `verdict`.',
  POLL: 'A look-up at the upstream changed the job.',
  LISTING: "The job's task was found in a listing of the upstream's tasks.",
  DEADLINE: 'A deadline of the job passed.',
  CANCEL_REQUESTED: 'The client asked to cancel the job while an attempt to submit it was in progress.',
  CANCELED: 'The job was canceled.',
});

export const SubmitEnd = describedEnum(
  'SubmitEnd',
  'How an attempt to submit a job ended. The values differ in whether the upstream may have received the job.',
  submitEndKinds,
  {
    ACCEPTED: 'The upstream accepted the job.',
    NEVER_SENT: 'The job certainly did not reach the upstream; it is submitted again.',
    REFUSED: 'The upstream refused the job. It is submitted again only if the job itself was not the cause.',
    AMBIGUOUS: 'The job may have reached the upstream, so it is never submitted again.',
  },
);

export const CallbackVerdict = describedEnum('CallbackVerdict', 'The verdict on a callback.', verdicts, {
  APPLIED: 'The callback changed the job.',
  REPEATED: 'The callback contained nothing new.',
  CONTRADICTED: 'The callback contradicted the settled outcome of the job and changed nothing.',
  PENDING: 'The callback is not trusted by itself and must be confirmed by a look-up at the upstream.',
  CONFIRMED: 'A look-up at the upstream confirmed that the task of the callback belongs to the job.',
  REFUTED: 'A look-up at the upstream showed that the task of the callback does not belong to the job.',
  SET_ASIDE: 'The callback could not be processed. It is kept, and the upstream is queried.',
});
