/**
 * The response to a submit. It decides whether a task may exist: only a submit that certainly made none may be
 * repeated.
 */
import type { z } from 'zod';
import { decodeError, findError, isDoubtfulCode, isRefusalCode } from './envelopes.ts';
import type { acceptedAnswer } from './answers.ts';
import { isRedirect, redirectMessage } from './redirect.ts';
import { asId, asObject, readLooseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { decide } from './result.ts';
import type { WireOutcome } from './result.ts';

export type SubmitAnswer =
  /** `outcome` is the end of the task if the response already contains it beyond doubt, else null. */
  | {
      readonly kind: 'accepted';
      readonly taskId: string;
      readonly outcome: WireOutcome | null;
      readonly traceId: string | null;
    }
  /** The upstream refused the request. It made no task for it, although the response may name one, `taskId`. */
  | {
      readonly kind: 'refused';
      readonly code: string | null;
      readonly message: string;
      readonly httpStatus: number;
      readonly traceId: string | null;
      readonly taskId: string | null;
    }
  /**
   * A task may exist. `enveloped` is true if the upstream itself responded, and not a proxy, which cannot know.
   * `taskId` is the task that the response names, if any.
   */
  | {
      readonly kind: 'ambiguous';
      readonly enveloped: boolean;
      readonly reason: string;
      readonly traceId: string | null;
      readonly taskId: string | null;
    };

/** Encodes the response to an asynchronous submit: the task's id and nothing else. */
export function encodeAccepted(taskId: string): z.output<typeof acceptedAnswer> {
  return { task_id: taskId };
}

/**
 * Statuses that a proxy sends without a code, even for a request that it has passed on: timeout, conflict, too early,
 * and two variants of a client that has disconnected.
 */
const unclearStatuses = new Set([408, 409, 425, 460, 499]);

/**
 * Decodes the response to a submit. Never throws. A 5xx is ambiguous whatever it contains, because a proxy cannot know
 * whether a task exists. So are the codes `api_error` and `timeout`, whatever their status. A redirect is a refusal,
 * because the server has sent us elsewhere, unless it names a task. `location` is its target, for people.
 */
export function decodeSubmitAnswer(httpStatus: number, text: string, location: string | null = null): SubmitAnswer {
  if (httpStatus >= 200 && httpStatus <= 299) return decodeGoodStatus(httpStatus, text);
  const taskId = asId(asObject(readLooseJson(text))?.task_id);
  if (isRedirect(httpStatus) && taskId === null) {
    return { kind: 'refused', code: null, message: redirectMessage(location), httpStatus, traceId: null, taskId };
  }
  const error = decodeError(httpStatus, text);
  const clear =
    error.code === null ? !unclearStatuses.has(httpStatus) : httpStatus !== 408 && !isDoubtfulCode(error.code);
  if (httpStatus >= 400 && httpStatus <= 499 && clear) return { kind: 'refused', ...error, httpStatus, taskId };
  const words = error.code === null ? error.message : `${error.code}: ${error.message}`;
  return {
    kind: 'ambiguous',
    enveloped: error.code !== null,
    reason: `HTTP ${httpStatus}, ${words}`,
    traceId: error.traceId,
    taskId,
  };
}

function decodeGoodStatus(httpStatus: number, text: string): SubmitAnswer {
  const body = asObject(readLooseJson(text));
  if (body === null)
    return {
      kind: 'ambiguous',
      enveloped: false,
      reason: `HTTP ${httpStatus} with an unreadable body`,
      traceId: null,
      taskId: null,
    };
  const traceId = asId(body.trace_id);
  const taskId = asId(body.task_id);
  if (taskId !== null) return { kind: 'accepted', taskId, outcome: finalOutcome(body, taskId), traceId };
  const error = findError(body);
  if (error !== null && isRefusalCode(error.code)) return { kind: 'refused', ...error, httpStatus, taskId };
  return {
    kind: 'ambiguous',
    enveloped: error !== null,
    reason: `HTTP ${httpStatus} without a task_id${error === null ? '' : `, ${error.message}`}`,
    traceId,
    taskId,
  };
}

/** Returns the final outcome, or null. A contradiction is left to a look-up, and so is a success without a URL. */
function finalOutcome(body: JsonObject, taskId: string): WireOutcome | null {
  const { outcome, odd } = decide(body, { taskId, finished: false });
  return odd === null ? outcome : null;
}
