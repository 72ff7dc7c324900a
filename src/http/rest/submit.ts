/** Accepts the submits of REST clients, and answers them at once or at the end of the job. */
import type { IncomingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { permitAllJobs, type Caller } from '../../accounts/caller.ts';
import { UnauthenticatedError } from '../../accounts/errors.ts';
import type { AcceptResult } from '../../jobs/accept/accept.ts';
import { isTerminal } from '../../jobs/model/job.ts';
import type { JoinResult } from '../../jobs/rejoin/accept-or-join.ts';
import type { Rejoin } from '../../jobs/rejoin/rejoin.ts';
import type { Log } from '../../log.ts';
import type { Cores } from '../../resolvers/context.ts';
import { encodeError, errorStatuses } from '../../upstream/acedata/wire/envelopes.ts';
import { Refusal, type SubmitContext, type SubmitReply } from '../../upstream/acedata/wire/routes.ts';
import { encodeAccepted } from '../../upstream/acedata/wire/submit-answer.ts';
import { isAsynchronous, type SubmitBody } from '../../upstream/acedata/wire/submit-body.ts';
import { readIdempotencyKey } from '../idempotency-key.ts';
import type { Admission } from '../overload/admission.ts';
import { runInSlot } from './admission-slot.ts';
import type { FollowAnswer, Following } from './answer-delivery.ts';
import type { Holding } from './holding.ts';
import { describe, hashBody, toMotionRequest } from './motion-request.ts';
import { endOf } from './task-of-job.ts';

export interface SubmitDeps {
  readonly cores: Cores;
  readonly rejoin: Rejoin;
  readonly holding: Holding;
  readonly followAnswer: FollowAnswer;
  readonly admission: Admission;
  readonly log: Log;
}

type Submit = (caller: Caller, body: SubmitBody, context: SubmitContext) => Promise<SubmitReply>;

/** A submit whose client waits for the end of the job. */
interface HeldSubmit {
  readonly caller: Caller;
  readonly accountId: string;
  readonly jobId: string;
  /** Null if the request has an idempotency key. */
  readonly following: Following | null;
  readonly isRepeat: boolean;
}

/** Returns the `Idempotency-Key` header; an empty one counts as absent, as over GraphQL. */
export const keyHeaderOf = (headers: IncomingHttpHeaders): string | null =>
  headers['idempotency-key']?.toString() || null;

export function createSubmit(deps: SubmitDeps): Submit {
  const { cores, rejoin, holding, followAnswer, log } = deps;
  const accept = createRestAccept(deps);
  const answerAtEnd = createAnswerAtEnd(deps);

  return async (caller, body, context) => {
    const accountId = permitAllJobs(caller, 'jobs:write');
    // Does not accept a job whose request would be answered with `timeout` at once.
    if (holding.isStopped()) throw new Refusal('timeout', 'The gateway is stopping. Please repeat the request.');
    // Takes no slot: `accept` takes one, and a request must not wait for a slot twice and be refused the second time.
    await cores.accounts.limits.takeSubmit(caller);
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
      const isRepeat = result.kind === 'joined';
      const reply: SubmitReply = isAsynchronous(body)
        ? { kind: 'json', body: encodeAccepted(jobId) }
        : await answerAtEnd({ caller, accountId, jobId, following, isRepeat }, context);
      // Not for a client that has disconnected: its request would count as open as long as this process runs, and its
      // next repeat would make another job.
      if (isRepeat && isAnswer(reply) && !following?.isUnanswered) await rejoin.answering(jobId);
      // Runs after the last wait, so that socket events of the same turn of the event loop are processed first. An
      // answer to a client that has disconnected must not count as written.
      await setImmediate();
      return reply;
    } finally {
      leavePlace();
    }
  };
}

function createRestAccept({ rejoin, admission }: SubmitDeps) {
  return async (
    accountId: string,
    keyId: string,
    body: SubmitBody,
    { headers, sent, traceId, arrivedAt, signal }: SubmitContext,
  ): Promise<JoinResult> => {
    const header = keyHeaderOf(headers);
    const { key: idempotencyKey, formerKey } =
      header === null ? { key: null, formerKey: null } : readIdempotencyKey(header);
    const request = { ...toMotionRequest(body, idempotencyKey), formerIdempotencyKey: formerKey };
    const submit = { accountId, request, sent: { body: JSON.stringify(sent), traceId } };
    const inSlot = <T>(work: () => Promise<T>): Promise<T> => runInSlot(admission, 'submit', signal, work);
    if (idempotencyKey !== null) return rejoin.accept(submit, inSlot);
    return rejoin.acceptOrJoin(submit, { keyId, bodyHash: hashBody(body) }, { arrivedAt, gone: signal, inSlot });
  };
}

function createAnswerAtEnd({ cores: { jobs }, rejoin, holding }: SubmitDeps) {
  return async (
    { caller, accountId, jobId, following, isRepeat }: HeldSubmit,
    { traceId, signal }: SubmitContext,
  ): Promise<SubmitReply> => {
    // Only for a job that has not ended: repeating the request for a failed job must not keep the failure joinable.
    if (isRepeat && !isTerminal((await jobs.find(accountId, jobId))?.state ?? 'FAILED'))
      await rejoin.extendJoinTime(jobId);
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
