/** The enums of timelines. */
import { jobEventTypes, submitEndKinds, verdicts } from '../jobs/model/job-event.ts';
import { describedEnum } from './described-enum.ts';

export const JobEventType = describedEnum('JobEventType', 'What happened to a job. May grow.', jobEventTypes, {
  ACCEPTED: 'The job was stored.',
  ATTEMPT_BEGUN: 'An attempt to submit it began; from here on it may have arrived.',
  ATTEMPT_ENDED: 'The attempt ended; see `submitEnd`.',
  LEASE_EXPIRED: 'Whoever made the attempt did not say how it ended.',
  CALLBACK: 'The upstream called back, with a body that had not come before; see `verdict`.',
  CLAIM_JUDGED: 'A look-up judged what a callback had claimed; see `verdict`.',
  POLL: 'A look-up changed something.',
  LISTING: "A listing of the upstream's tasks found the task.",
  DEADLINE: 'A deadline passed.',
  CANCEL_REQUESTED: 'The client asked to cancel while an attempt was under way.',
  CANCELED: 'The job was canceled.',
});

export const SubmitEnd = describedEnum(
  'SubmitEnd',
  'How an attempt to submit ended, by whether it may have arrived.',
  submitEndKinds,
  {
    ACCEPTED: 'The upstream took it.',
    NEVER_SENT: 'It surely did not arrive, and is tried again.',
    REFUSED: 'The upstream said no; it is tried again only when the job was not at fault.',
    AMBIGUOUS: 'It may have arrived, so it is never sent again.',
  },
);

export const CallbackVerdict = describedEnum('CallbackVerdict', 'What became of a callback.', verdicts, {
  APPLIED: 'It changed the job.',
  REPEATED: 'It said what was known.',
  CONTRADICTED: 'It said something else than what is settled, and changed nothing.',
  PENDING: 'It is not believed by itself: the upstream is asked.',
  CONFIRMED: 'The upstream, asked, says the same of whose task it is.',
  REFUTED: 'The upstream, asked, says that the task is not ours.',
  SET_ASIDE: 'It could not be worked on; it is kept, and the upstream is asked.',
});
