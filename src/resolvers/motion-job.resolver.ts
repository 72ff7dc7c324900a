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
    description: "One job; null when there is none with this id, or when it is somebody else's.",
  })
  async motionJob(
    @Arg('id', () => ID, { description: "The job's id." }) id: string,
    @Ctx() { caller, jobs }: Context,
  ): Promise<MotionJob | null> {
    const accountId = permit(caller, 'jobs:read');
    return mayRead(caller, id) ? present(await jobs.find(accountId, id)) : null;
  }

  @Query(() => MotionJobConnection, { nullable: true, description: "The account's jobs, newest first, forward only." })
  async motionJobs(
    @Arg('first', () => Int, { defaultValue: 20, description: 'How many, 1 to 100.' }) first: number,
    @Arg('after', () => String, { nullable: true, description: 'The `endCursor` of the page before.' })
    after: string | null | undefined,
    @Arg('filter', () => MotionJobFilter, { nullable: true, description: 'Which jobs; all without it.' })
    filter: MotionJobFilter | null | undefined,
    @Ctx() { caller, jobs }: Context,
  ): Promise<MotionJobConnection> {
    const page = await jobs.list(permit(caller, 'jobs:read'), {
      first,
      after,
      filter: within(caller, withoutNulls(filter ?? {})),
    });
    // Whoever may not follow the account learns nothing of what happens in it.
    return presentPage({ ...page, updatesCursor: caller.jobIds === null ? page.updatesCursor : null }, after);
  }

  @Mutation(() => GenerateMotionPayload, {
    nullable: true,
    description:
      'Accepts a job and answers as soon as it is stored, without waiting for the upstream. Follow it with `jobUpdated`. Repeat it safely with an idempotency key.',
  })
  async generateMotion(
    @Arg('input', () => GenerateMotionInput, { description: 'What to generate.' }) input: GenerateMotionInput,
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
      'Cancels a QUEUED job. The upstream cannot stop what it has taken. Canceling a canceled job is no error.',
  })
  async cancelMotionJob(
    @Arg('input', () => CancelMotionJobInput, { description: 'Which job.' }) input: CancelMotionJobInput,
    @Ctx() { caller, jobs }: Context,
  ): Promise<CancelMotionJobPayload> {
    return presentCancel(await jobs.cancel(permitAllJobs(caller, 'jobs:write'), input.id));
  }

  @Mutation(() => DeleteMotionJobPayload, {
    nullable: true,
    description:
      'Deletes a job that has ended, with its timeline and the callbacks that came for it; it cannot be brought back. Its idempotency key stays spent for as long as the gateway keeps such keys (`KEEP_SPENT_KEYS_DAYS`, 30 days unless the operator chose otherwise): the same input answers JOB_DELETED. ' +
      'The video stays at the upstream until it expires there: who has its link can fetch it until then. Of a FAILED job whose `failure.final` is false a late result would still have come; nobody hears of it any more, although it may have been paid for. Deleting again answers NOT_FOUND.',
  })
  async deleteMotionJob(
    @Arg('input', () => DeleteMotionJobInput, { description: 'Which job.' }) input: DeleteMotionJobInput,
    @Ctx() { caller, jobs }: Context,
  ): Promise<DeleteMotionJobPayload> {
    return presentDelete(await jobs.deleteJob(permitAllJobs(caller, 'jobs:write'), input.id));
  }

  @Subscription(() => MotionJob, {
    description:
      'The job as it is, then every newer state; completes after a terminal one, or when the job is deleted. States that follow each other faster than the client reads are skipped, but the newest is always sent. If it completes after a state that is not terminal, the job was deleted, or the database has lost it: read `motionJob` before you submit it again.',
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
    @Arg('id', () => ID, { description: "The job's id. Unknown, or somebody else's: the error NOT_FOUND." })
    _id: string,
    @Arg('afterVersion', () => Int, {
      nullable: true,
      description:
        'The version that the client has: older ones are skipped, and if the job has ended in this version, the subscription completes at once. A terminal state with a lower version is sent: the database has lost changes in a failover, or was restored.',
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
            'The job is on its way to the upstream; it is canceled only if that attempt surely did not arrive.',
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

/** A caller that is limited to certain jobs sees a list of those. */
function within<T extends { ids?: readonly string[] }>({ jobIds }: Caller, filter: T): T {
  return jobIds === null
    ? filter
    : { ...filter, ids: filter.ids?.filter((id) => jobIds.includes(id.toLowerCase())) ?? jobIds };
}

type WithoutNulls<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** In a filter null means the same as absent. */
function withoutNulls<T extends object>(value: T): WithoutNulls<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry != null)) as WithoutNulls<T>;
}
