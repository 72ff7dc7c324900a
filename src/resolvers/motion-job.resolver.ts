import { Arg, Ctx, ID, Int, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { mayRead, permit, permitAllJobs, type Caller } from '../accounts/caller.ts';
import type { AcceptResult } from '../jobs/accept/accept.ts';
import type { CancelResult } from '../jobs/settle/cancel.ts';
import type { DeleteResult } from '../jobs/retain/delete-job.ts';
import { JobNotFoundError } from '../jobs/model/errors.ts';
import type { Job } from '../jobs/model/job.ts';
import { encodeCursor, type JobPage } from '../jobs/read/list-jobs.ts';
import { CancelMotionJobInput, CancelMotionJobPayload } from '../schema/cancel-motion-job.type.ts';
import { DeleteMotionJobInput, DeleteMotionJobPayload } from '../schema/delete-motion-job.type.ts';
import { GenerateMotionPayload } from '../schema/generate-motion-payload.type.ts';
import { GenerateMotionInput } from '../schema/generate-motion.input.ts';
import { MotionJobConnection } from '../schema/motion-job-connection.type.ts';
import { MotionJobFilter } from '../schema/motion-job-filter.input.ts';
import { MotionJob } from '../schema/motion-job.type.ts';
import {
  CancelRefused,
  DeleteRefused,
  IdempotencyKeyReused,
  InvalidInput,
  JobDeleted,
  QuotaExhausted,
} from '../schema/user-error.type.ts';
import type { Context } from './context.ts';

@Resolver()
export class MotionJobResolver {
  @Query(() => MotionJob, {
    nullable: true,
    description: 'One job; null if there is no job with this id, or if it belongs to another account.',
  })
  async motionJob(
    @Arg('id', () => ID, { description: "The job's id." }) id: string,
    @Ctx() { caller, jobs }: Context,
  ): Promise<MotionJob | null> {
    const accountId = permit(caller, 'jobs:read');
    return mayRead(caller, id) ? present(await jobs.find(accountId, id)) : null;
  }

  @Query(() => MotionJobConnection, {
    nullable: true,
    description: "The account's jobs, newest first. The list can be read only forward.",
  })
  async motionJobs(
    @Arg('first', () => Int, { defaultValue: 20, description: 'The maximum number of jobs to return, 1 to 100.' })
    first: number,
    @Arg('after', () => String, { nullable: true, description: 'The `endCursor` of the previous page.' })
    after: string | null | undefined,
    @Arg('filter', () => MotionJobFilter, { nullable: true, description: 'The filter for jobs; all jobs if omitted.' })
    filter: MotionJobFilter | null | undefined,
    @Ctx() { caller, jobs }: Context,
  ): Promise<MotionJobConnection> {
    const page = await jobs.list(permit(caller, 'jobs:read'), {
      first,
      after,
      filter: within(caller, withoutNulls(filter ?? {})),
    });
    // A caller that may not watch the account must not learn anything about its activity.
    return presentPage({ ...page, updatesCursor: caller.jobIds === null ? page.updatesCursor : null }, after);
  }

  @Mutation(() => GenerateMotionPayload, {
    nullable: true,
    description:
      'Accepts a job and returns as soon as the job is stored, without waiting for the upstream. ' +
      'Watch the job with `jobUpdated`. With an idempotency key, the request can be repeated safely.',
  })
  async generateMotion(
    @Arg('input', () => GenerateMotionInput, { description: 'The input of the job.' }) input: GenerateMotionInput,
    @Ctx() context: Context,
  ): Promise<GenerateMotionPayload> {
    const accountId = permitAllJobs(context.caller, 'jobs:write');
    await context.accounts.limits.takeSubmit(context.caller);
    context.progress.accepting = true;
    const result = await context.jobs.accept(accountId, {
      ...input,
      idempotencyKey: input.idempotencyKey ?? context.idempotencyKey,
      formerIdempotencyKey: context.formerIdempotencyKey,
    });
    context.progress.accepted ||= result.kind === 'accepted';
    return presentAccept(result);
  }

  @Mutation(() => CancelMotionJobPayload, {
    nullable: true,
    description:
      'Cancels a QUEUED job. The upstream cannot stop a task that it has accepted. ' +
      'Canceling a job that is already canceled is not an error.',
  })
  async cancelMotionJob(
    @Arg('input', () => CancelMotionJobInput, { description: 'The job to cancel.' }) input: CancelMotionJobInput,
    @Ctx() { caller, jobs }: Context,
  ): Promise<CancelMotionJobPayload> {
    return presentCancel(await jobs.cancel(permitAllJobs(caller, 'jobs:write'), input.id));
  }

  @Mutation(() => DeleteMotionJobPayload, {
    nullable: true,
    description:
      'Deletes a job that has ended, together with its timeline and the callbacks that were received for it. ' +
      'It cannot be restored. Its idempotency key remains reserved for as long as the gateway keeps such keys ' +
      '(`KEEP_SPENT_KEYS_DAYS`, by default 30 days): a request with the same input is rejected with JOB_DELETED. ' +
      'The video remains at the upstream until it expires there, and anyone with its link can fetch it until then. ' +
      'For a FAILED job whose `failure.final` is false, a late result would still have been reported; after the ' +
      'deletion it is discarded, although it may have been paid for. Deleting a deleted job returns NOT_FOUND.',
  })
  async deleteMotionJob(
    @Arg('input', () => DeleteMotionJobInput, { description: 'The job to delete.' }) input: DeleteMotionJobInput,
    @Ctx() { caller, jobs }: Context,
  ): Promise<DeleteMotionJobPayload> {
    return presentDelete(await jobs.deleteJob(permitAllJobs(caller, 'jobs:write'), input.id));
  }

  @Subscription(() => MotionJob, {
    description:
      'The current state of a job, then every newer state. ' +
      'The subscription completes after a terminal state, or when the job is deleted. ' +
      'States that follow each other faster than the client reads are skipped, but the newest is always sent. ' +
      'If the subscription completes after a state that is not terminal, the job was deleted or was lost by the ' +
      'database: read `motionJob` before you submit the job again.',
    subscribe: async ({ args, context }) => {
      const { id, afterVersion } = args as { id: string; afterVersion?: number | null };
      const { caller, jobs } = context as Context;
      const accountId = permit(caller, 'jobs:read');
      if (!mayRead(caller, id)) throw new JobNotFoundError();
      return jobs.watch(accountId, id, afterVersion ?? 0);
    },
  })
  jobUpdated(
    @Root() job: Job,
    @Arg('id', () => ID, {
      description: "The job's id. For an unknown job or a job of another account, the error is NOT_FOUND.",
    })
    _id: string,
    @Arg('afterVersion', () => Int, {
      nullable: true,
      description:
        'The version that the client has. This version and older ones are skipped; ' +
        'if the job has ended in this version, the subscription completes immediately. ' +
        'A terminal state with a lower version is sent: ' +
        'the database has then lost changes in a failover, or was restored from a backup.',
    })
    _afterVersion: number | null,
  ): MotionJob {
    return MotionJob.of(job);
  }
}

const present = (job: Job | null): MotionJob | null => job && MotionJob.of(job);

function presentPage(
  { jobs, hasNextPage, updatesCursor }: JobPage & { updatesCursor: string | null },
  after: string | null | undefined,
): MotionJobConnection {
  const edges = jobs.map((job) => ({ cursor: encodeCursor(job, updatesCursor), node: MotionJob.of(job) }));
  const pageInfo = {
    hasNextPage,
    hasPreviousPage: false,
    startCursor: edges[0]?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? after ?? null,
  };
  return { edges, nodes: edges.map(({ node }) => node), pageInfo, updatesCursor };
}

function presentAccept(result: AcceptResult): GenerateMotionPayload {
  switch (result.kind) {
    case 'accepted':
    case 'replayed':
      return { job: MotionJob.of(result.job), replayed: result.kind === 'replayed', userErrors: [] };
    case 'keyReused':
      return { job: null, replayed: false, userErrors: [IdempotencyKeyReused.create()] };
    case 'jobDeleted':
      return { job: null, replayed: false, userErrors: [JobDeleted.create()] };
    case 'refused':
      return { job: null, replayed: false, userErrors: [QuotaExhausted.of(result.refusal.remaining)] };
    case 'invalid':
      return {
        job: null,
        replayed: false,
        userErrors: result.violations.map((violation) => InvalidInput.of(violation)),
      };
  }
}

function presentCancel(result: CancelResult): CancelMotionJobPayload {
  switch (result.kind) {
    case 'canceled':
      return { job: MotionJob.of(result.job), userErrors: [] };
    case 'requested':
      return {
        job: MotionJob.of(result.job),
        userErrors: [
          CancelRefused.of(
            'CANCEL_REQUESTED',
            'The job is being submitted; it is canceled only if the submit certainly did not reach the upstream.',
          ),
        ],
      };
    case 'tooLate':
      return {
        job: MotionJob.of(result.job),
        userErrors: [CancelRefused.of('NOT_CANCELABLE', 'Only a queued job can be canceled.')],
      };
    case 'notFound':
      return { job: null, userErrors: [CancelRefused.of('NOT_FOUND', 'There is no such job.')] };
  }
}

function presentDelete(result: DeleteResult): DeleteMotionJobPayload {
  switch (result.kind) {
    case 'deleted':
      return { deletedId: result.jobId, userErrors: [] };
    case 'notTerminal':
      return {
        deletedId: null,
        userErrors: [DeleteRefused.of('NOT_TERMINAL', 'Only a job that has ended can be deleted.')],
      };
    case 'notFound':
      return { deletedId: null, userErrors: [DeleteRefused.of('NOT_FOUND', 'There is no such job.')] };
  }
}

/** Restricts the filter to the jobs that the caller is limited to, if any. */
function within<T extends { ids?: readonly string[] }>({ jobIds }: Caller, filter: T): T {
  return jobIds === null
    ? filter
    : { ...filter, ids: filter.ids?.filter((id) => jobIds.includes(id.toLowerCase())) ?? jobIds };
}

type WithoutNulls<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** Removes the entries that are null or undefined: in a filter, null means the same as absent. */
function withoutNulls<T extends object>(value: T): WithoutNulls<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry != null)) as WithoutNulls<T>;
}
