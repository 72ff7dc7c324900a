/** Serves the vendor's routes with the cores: a submit accepts a job, and a task is a job. */
import type { IncomingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { mayRead, permit, permitAllJobs, type Caller } from '../../accounts/caller.ts';
import { UnauthenticatedError } from '../../accounts/errors.ts';
import type { AcceptResult } from '../../jobs/accept/accept.ts';
import { isTerminal, type Job } from '../../jobs/model/job.ts';
import type { Joining, JoinResult } from '../../jobs/rejoin/rejoin.ts';
import { encodeCursor } from '../../jobs/read/list-jobs.ts';
import type { Log } from '../../log.ts';
import type { Cores } from '../../resolvers/context.ts';
import { encodeError, errorStatuses } from '../../upstream/acedata/wire/envelopes.ts';
import type { LookUp } from '../../upstream/acedata/wire/look-up.ts';
import {
  Refusal,
  type SubmitContext,
  type SubmitReply,
  type UpstreamService,
} from '../../upstream/acedata/wire/routes.ts';
import { encodeAccepted } from '../../upstream/acedata/wire/submit-answer.ts';
import { isAsynchronous, type SubmitBody } from '../../upstream/acedata/wire/submit-body.ts';
import type { Task } from '../../upstream/acedata/wire/task-record.ts';
import { networkOf } from '../../network/client-address.ts';
import type { Admission } from '../overload/admission.ts';
import { readIdempotencyKey } from '../idempotency-key.ts';
import { ACCOUNT_HEADER, takeRequest } from '../rate-limit-headers.ts';
import { noteOn } from '../request-notes.ts';
import type { FollowAnswer, Following } from './answer-delivery.ts';
import type { Holding } from './holding.ts';
import { describe, hashBody, toMotionRequest, toPartialRequest } from './motion-request.ts';
import { toRefusal } from './refusals.ts';
import { endOf, toTask } from './task-of-job.ts';

export interface RestServiceDeps {
  readonly cores: Cores;
  readonly joining: Joining;
  readonly holding: Holding;
  readonly followAnswer: FollowAnswer;
  readonly admission: Admission;
  readonly log: Log;
}

/** Returns the header; an empty one counts as absent, as over GraphQL. */
const keyHeaderOf = (headers: IncomingHttpHeaders): string | null => headers['idempotency-key']?.toString() || null;

/** The maximum number of tasks that a listing by time can reach. */
const MAX_LISTED = 1_000;
const PAGE = 100;

export function createRestService({
  cores: { jobs, accounts },
  joining,
  holding,
  followAnswer,
  admission,
  log,
}: RestServiceDeps): UpstreamService<Caller> {
  /** Wraps an operation so that every error of a core is sent with one of the vendor's codes. */
  const telling =
    <Args extends unknown[], T>(work: (...args: Args) => Promise<T>) =>
    (...args: Args): Promise<T> =>
      work(...args).catch((error: unknown) => {
        throw toRefusal(error, log);
      });

  /**
   * Runs work in an admission slot. The slot is held for the work only: a request that waits for a job, or for the fate
   * of a similar request, costs nothing and holds no slot.
   */
  async function admitted<T>(
    kind: 'submit' | 'read',
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const leave = await admission.enter(kind, signal && (() => signal)).catch((error: unknown) => {
      throw signal?.aborted ? new Refusal('timeout', 'The client disconnected.') : error;
    });
    return work().finally(leave);
  }

  async function accept(
    accountId: string,
    keyId: string,
    body: SubmitBody,
    { headers, sent, traceId, arrivedAt, signal }: SubmitContext,
  ): Promise<JoinResult> {
    const header = keyHeaderOf(headers);
    const { key: idempotencyKey, formerKey } =
      header === null ? { key: null, formerKey: null } : readIdempotencyKey(header);
    const request = { ...toMotionRequest(body, idempotencyKey), formerIdempotencyKey: formerKey };
    const kept = { body: JSON.stringify(sent), traceId };
    const inSlot = <T>(work: () => Promise<T>): Promise<T> => admitted('submit', signal, work);
    if (idempotencyKey !== null) return joining.accept(accountId, request, kept, inSlot);
    return joining.acceptOrJoin(
      accountId,
      request,
      kept,
      { keyId, bodyHash: hashBody(body) },
      { arrivedAt, gone: signal, inSlot },
    );
  }

  async function submit(caller: Caller, body: SubmitBody, context: SubmitContext): Promise<SubmitReply> {
    const accountId = permitAllJobs(caller, 'jobs:write');
    // Does not accept a job whose request would be answered with `timeout` at once.
    if (holding.isStopped()) throw new Refusal('timeout', 'The gateway is stopping. Please repeat the request.');
    // Takes no slot: `accept` takes one, and a request must not wait for a slot twice and be refused the second time.
    await accounts.limits.takeSubmit(caller);
    const keyId = caller.keyId!;
    const leavePlace = isAsynchronous(body) ? () => undefined : holding.takePlace(keyId);
    if (leavePlace === null)
      throw new Refusal(
        'too_many_requests',
        'Too many requests with this key are waiting for a result: use "async" or "callback_url".',
        5,
      );
    try {
      const result = await accept(accountId, keyId, body, context);
      const jobId = jobIdOf(result);
      // Also logged for requests whose client has disconnected: the log line of a request is written only with its
      // response.
      log.info({ reqId: context.traceId, jobId, accept: result.kind }, 'submit over REST');
      const following =
        keyHeaderOf(context.headers) === null ? followAnswer(jobId, context.response, context.signal) : null;
      const reply: SubmitReply = isAsynchronous(body)
        ? { kind: 'json', body: encodeAccepted(jobId) }
        : await answerAtEnd(caller, accountId, jobId, context, following, result.kind === 'joined');
      // Not for a client that has disconnected: its request would count as open as long as this process runs, and its
      // next repeat would make another job.
      if (result.kind === 'joined' && isAnswer(reply) && !following?.isUnanswered) await joining.answering(jobId);
      // Runs after the last wait, so that socket events of the same turn of the event loop are processed first. An
      // answer to a client that has disconnected must not count as written.
      await setImmediate();
      return reply;
    } finally {
      leavePlace();
    }
  }

  async function answerAtEnd(
    caller: Caller,
    accountId: string,
    jobId: string,
    { traceId, signal }: SubmitContext,
    following: Following | null,
    isRepeat: boolean,
  ): Promise<SubmitReply> {
    // Only for a job that has not ended: repeating the request for a failed job must not keep the failure joinable.
    if (isRepeat && !isTerminal((await jobs.find(accountId, jobId))?.state ?? 'FAILED'))
      await joining.extendJoinTime(jobId);
    const held = await holding.hold(caller, accountId, jobId, signal);
    const end = held.kind === 'ended' ? endOf(held.job, traceId) : null;
    if (end) {
      if (following) following.saysFailure = end.httpStatus >= 500;
      return { kind: 'json', ...end };
    }
    if (held.kind === 'revoked') {
      // The client repeats the request once the account is enabled again, or once its page has another token.
      if (following) following.saysNothing = true;
      throw new UnauthenticatedError(held.why);
    }
    if (held.kind === 'deleted')
      return { kind: 'json', httpStatus: 404, body: encodeError('not_found', 'The task was deleted.', traceId) };
    const message = 'The task is still in progress: repeat the request, or look up the task.';
    return {
      kind: 'json',
      httpStatus: errorStatuses.timeout,
      body: { ...encodeError('timeout', message, traceId), task_id: jobId },
    };
  }

  async function tasksOf(accountId: string, found: readonly Job[]): Promise<Task[]> {
    const sent = await joining.findSent(
      accountId,
      found.map(({ id }) => id),
    );
    return found.map((job) => toTask(job, sent.get(job.id) ?? null));
  }

  async function findMany(caller: Caller, accountId: string, taskIds: readonly string[]): Promise<Task[]> {
    const ids = taskIds.map((id) => id.toLowerCase()).filter((id) => mayRead(caller, id));
    const { jobs: found } = await jobs.list(accountId, { first: PAGE, filter: { ids } });
    const tasks = new Map((await tasksOf(accountId, found)).map((task) => [task.taskId, task]));
    return ids.map((id) => tasks.get(id)).filter((task) => task !== undefined);
  }

  /** Lists the tasks in a time window, newest first. */
  async function listWindow(
    { jobIds }: Caller,
    accountId: string,
    { from, to, limit, offset }: Extract<LookUp, { kind: 'window' }>,
  ): Promise<Task[]> {
    const end = offset + limit;
    if (end > MAX_LISTED)
      throw new Refusal('bad_request', `A listing contains at most ${MAX_LISTED} tasks: choose another period.`);
    // Both ends are inclusive; the timestamps of jobs are whole milliseconds.
    const filter = {
      ...(jobIds && { ids: jobIds }),
      ...(from && { createdAfter: new Date(from.getTime() - 1) }),
      ...(to && { createdBefore: new Date(to.getTime() + 1) }),
    };
    const found: Job[] = [];
    for (let more = true; more && found.length < end;) {
      const page = await jobs.list(accountId, {
        first: PAGE,
        after: found.length === 0 ? null : encodeCursor(found.at(-1)!),
        filter,
      });
      found.push(...page.jobs);
      more = page.hasNextPage;
    }
    return tasksOf(accountId, found.slice(offset, end));
  }

  return {
    authenticate: telling(async (_token, { action, request, reply }) => {
      const { authorization, [ACCOUNT_HEADER]: namedAccount } = request.headers;
      const caller = await accounts.authenticate(authorization, namedAccount, networkOf(request.ip));
      if (!caller || caller.kind === 'anonymous')
        throw new UnauthenticatedError(await accounts.explainRefusal(authorization));
      if (caller.accountId !== null) noteOn(request, { accountId: caller.accountId });
      const over = await takeRequest(accounts.limits, caller, request, reply);
      if (over) throw over;
      if (action === 'submit') permitAllJobs(caller, 'jobs:write');
      else permit(caller, 'jobs:read');
      return caller;
    }),
    submit: telling(submit),
    findViolations: (body, headers) => jobs.check(toPartialRequest(body, keyHeaderOf(headers))).map(describe),
    retrieve: telling(async (caller, taskId) => {
      const accountId = permit(caller, 'jobs:read');
      return admitted('read', undefined, async () => {
        const job = mayRead(caller, taskId) ? await jobs.find(accountId, taskId) : null;
        return job && (await tasksOf(accountId, [job]))[0]!;
      });
    }),
    retrieveBatch: telling(async (caller, lookUp) => {
      const accountId = permit(caller, 'jobs:read');
      return admitted('read', undefined, () =>
        lookUp.kind === 'ids' ? findMany(caller, accountId, lookUp.taskIds) : listWindow(caller, accountId, lookUp),
      );
    }),
  };
}

/** Returns true if a client that repeats requests automatically is satisfied with the reply. */
const isAnswer = (reply: SubmitReply): boolean => reply.kind === 'json' && (reply.httpStatus ?? 200) < 500;

function jobIdOf(result: JoinResult): string {
  switch (result.kind) {
    case 'accepted':
    case 'replayed':
      return result.job.id;
    case 'joined':
      return result.jobId;
    case 'gone':
      throw new Refusal('timeout', 'The client disconnected.');
    default:
      throw refusalOfAccept(result);
  }
}

function refusalOfAccept(result: Exclude<AcceptResult, { kind: 'accepted' | 'replayed' }>): Refusal {
  switch (result.kind) {
    case 'keyReused':
      return new Refusal('bad_request', 'Idempotency-Key: the key was used before with a different input.');
    case 'jobDeleted':
      return new Refusal('bad_request', 'Idempotency-Key: the task of this key was deleted.');
    case 'refused':
      return new Refusal('used_up', 'The quota is used up.');
    case 'invalid':
      return new Refusal('bad_request', result.violations.map(describe).join('; '));
  }
}
