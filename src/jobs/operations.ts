/** What clients may do: accept, list, read, watch, cancel and delete the jobs of their account. */
import { createAccept, createCheck, type Accept, type CheckFields, type CheckWebhookUrl } from './accept/accept.ts';
import type { UpstreamLimits } from './model/admission-gate.ts';
import { JobNotFoundError } from './model/errors.ts';
import type { EventNames } from './model/event-names.ts';
import type { Job } from './model/job.ts';
import type { AcceptEffect } from './ports/effects.ts';
import type { Timeline } from './ports/job-events.ts';
import type { RetentionStore } from './ports/retention.ts';
import type { JobStore } from './ports/store.ts';
import type { Upstream } from './ports/upstream.ts';
import { createListJobs, toJobId, withUpdatesCursor, type JobPage, type ListJobs } from './read/list-jobs.ts';
import { createFindOutlooks, type FindOutlooks } from './read/queue-outlook.ts';
import { createDeleteJob, type DeleteJob } from './retain/delete-job.ts';
import { createCancel, type Cancel } from './settle/cancel.ts';
import type { Settle } from './settle/settle.ts';
import type { AccountWatch } from './watch/watch-account.ts';
import type { JobWatch } from './watch/watch-job.ts';
import type { Log } from '../log.ts';

export interface JobOperations {
  readonly accept: Accept;
  readonly check: CheckFields;
  readonly cancel: Cancel;
  readonly deleteJob: DeleteJob;
  /** Returns null if the job does not exist or belongs to another account. */
  find(accountId: string, jobId: string): Promise<Job | null>;
  readonly listEvents: Timeline['listEvents'];
  readonly eventNames: EventNames;
  readonly findOutlooks: FindOutlooks;
  /**
   * Lists jobs, together with the cursor from which to watch the account. The cursor is taken before the first page is
   * read, and later pages repeat it.
   */
  list(...args: Parameters<ListJobs>): Promise<JobPage & { readonly updatesCursor: string | null }>;
  /** Watches one job until its end. */
  readonly watch: JobWatch['watch'];
  /** Watches all jobs of an account. */
  readonly watchAccount: AccountWatch['watch'];
}

export interface OperationDeps {
  readonly store: JobStore & RetentionStore;
  readonly eventNames: EventNames;
  readonly upstream: Upstream;
  readonly upstreamLimits: UpstreamLimits;
  readonly acceptEffects: readonly AcceptEffect[];
  readonly checkWebhookUrl: CheckWebhookUrl;
  readonly log: Log;
}

interface Parts {
  readonly settle: Settle;
  readonly jobWatch: JobWatch;
  readonly accountWatch: AccountWatch;
  /** Runs after a job was accepted. */
  readonly nudge: () => void;
}

export function createOperations(
  { store, eventNames, upstream, upstreamLimits, acceptEffects, checkWebhookUrl, log }: OperationDeps,
  { settle, jobWatch, accountWatch, nudge }: Parts,
): JobOperations {
  const cancel = createCancel(store, settle);
  const deleteJob = createDeleteJob(store, log);

  return {
    check: createCheck(checkWebhookUrl),
    accept: createAccept({ store, upstream, effects: acceptEffects, checkWebhookUrl, nudge }),
    cancel: async (accountId, id) => {
      const jobId = toJobId(id);
      return jobId === null ? { kind: 'notFound' } : cancel(accountId, jobId);
    },
    deleteJob: async (accountId, id) => {
      const jobId = toJobId(id);
      return jobId === null ? { kind: 'notFound' } : deleteJob(accountId, jobId);
    },
    find: async (accountId, id) => {
      const jobId = toJobId(id);
      return jobId === null ? null : store.find(accountId, jobId);
    },
    listEvents: store.listEvents,
    eventNames,
    findOutlooks: createFindOutlooks(store, upstream.id, upstreamLimits),
    list: withUpdatesCursor(createListJobs(store), accountWatch.findCursor),
    async watch(accountId, id, afterVersion) {
      const jobId = toJobId(id);
      if (jobId === null) throw new JobNotFoundError();
      return jobWatch.watch(accountId, jobId, afterVersion);
    },
    watchAccount: accountWatch.watch,
  };
}
