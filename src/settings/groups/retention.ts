/** Settings of retention. */
import { integer, MAX_DAYS, MIN_DAYS, nullable } from '../setting.ts';
import { integerIn } from '../values.ts';

const daysOrForever = (fallback: string, meaning: string) =>
  nullable({
    schema: integerIn(MIN_DAYS, MAX_DAYS),
    expected: `an integer from ${MIN_DAYS} to ${MAX_DAYS}`,
    default: fallback,
    meaning,
  });

const days = (fallback: number, meaning: string) =>
  integer({ min: MIN_DAYS, max: MAX_DAYS, default: fallback, meaning });

export const retentionSettings = {
  KEEP_JOBS_DAYS: daysOrForever(
    'none: permanently',
    'Retention of a job after its end. Its callbacks and its timeline are deleted with it',
  ),
  KEEP_TIMELINES_DAYS: daysOrForever('as long as the job', 'Retention of a timeline entry'),
  KEEP_CALLBACKS_DAYS: days(30, 'Retention of a callback as received, with signed links redacted'),
  KEEP_WEBHOOKS_DAYS: days(30, 'Retention of webhook events and of the log of their deliveries'),
  KEEP_SPENT_KEYS_DAYS: days(30, 'Time after its deletion for which the idempotency key of a deleted job is refused'),
  KEEP_ENDED_KEYS_DAYS: days(90, 'Time for which an API key is listed after it was revoked or has expired'),
  KEEP_ACCOUNT_LOG_DAYS: daysOrForever('none: permanently', 'Retention of the log of changes of accounts and keys'),
};
