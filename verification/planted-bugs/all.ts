/** All planted bugs, in the order of the table. */
import { answeredWhenWritten } from './answered-when-written.ts';
import { claimIsDelivery } from './claim-is-delivery.ts';
import { countBeforeLock } from './count-before-lock.ts';
import { guardWithoutRank } from './guard-without-rank.ts';
import { acknowledgeBeforeCommit, asynchronousCommit } from './lost-writes.ts';
import { newerThanLast } from './newer-than-last.ts';
import { noHeartbeat } from './no-heartbeat.ts';
import { resendAfterCrash } from './resend-after-crash.ts';
import { retryAfterTimeOut } from './retry-after-time-out.ts';
import { selectThenInsert } from './select-then-insert.ts';
import type { PlantedBug } from './planted-bug.ts';
import { unboundedMailbox } from './unbounded-mailbox.ts';

export const plantedBugs: readonly PlantedBug[] = [
  retryAfterTimeOut,
  acknowledgeBeforeCommit,
  asynchronousCommit,
  resendAfterCrash,
  selectThenInsert,
  guardWithoutRank,
  countBeforeLock,
  noHeartbeat,
  newerThanLast,
  unboundedMailbox,
  claimIsDelivery,
  answeredWhenWritten,
];
