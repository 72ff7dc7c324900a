/** The flat result: the body of a callback, the response to a synchronous submit, and `response` in a task record. */
import type { FailureAnswer, SuccessAnswer } from './answers.ts';
import { findError } from './envelopes.ts';
import { asHttpUrl, asId, asNumber, asObject, asText } from './json.ts';
import type { WireError } from './envelopes.ts';
import type { JsonObject } from './json.ts';

export type WireOutcome =
  | { readonly kind: 'running' }
  /** `videoId` is the task's id if the upstream gives none. */
  | {
      readonly kind: 'succeeded';
      readonly videoId: string;
      readonly videoUrl: string;
      readonly durationSeconds: number | null;
    }
  | { readonly kind: 'failed'; readonly code: string | null; readonly message: string; readonly traceId: string | null }
  /** A success without a usable URL. */
  | { readonly kind: 'missing' };

export interface Verdict {
  readonly outcome: WireOutcome;
  /** The reason why the result must not be believed without confirmation; null if it may be. */
  readonly odd: string | null;
}

export interface DecidedResult {
  readonly taskId: string | null;
  readonly traceId: string | null;
  /** Null if the body cannot be read. */
  readonly outcome: WireOutcome | null;
  /** The reason why a look-up must confirm the claim before it takes effect; null if the claim may be believed. */
  readonly odd: string | null;
}

export interface FinishedTask {
  readonly taskId: string;
  readonly traceId: string;
}

export interface MadeVideo {
  readonly videoId: string;
  readonly videoUrl: string;
  /** Null if it is not known. */
  readonly durationSeconds: number | null;
}

/** Encodes a success. The duration is a string on the wire. */
export function encodeSuccess(task: FinishedTask, video: MadeVideo): SuccessAnswer {
  return {
    success: true,
    video_id: video.videoId,
    video_url: video.videoUrl,
    ...(video.durationSeconds !== null && { duration: String(video.durationSeconds) }),
    state: 'succeed',
    task_id: task.taskId,
    trace_id: task.traceId,
  };
}

export function encodeFailure(task: FinishedTask, code: string, message: string): FailureAnswer {
  return { success: false, task_id: task.taskId, trace_id: task.traceId, error: { code, message } };
}

/** Decides what a callback claims. Never throws: any client that knows the URL can send any value. */
export function decideResult(value: unknown): DecidedResult {
  const body = asObject(value);
  if (body === null) return { taskId: null, traceId: null, outcome: null, odd: 'unreadable' };
  const taskId = asId(body.task_id);
  const { outcome, odd } = decide(body, { taskId, finished: false });
  return { taskId, traceId: asId(body.trace_id), outcome, odd: odd ?? (taskId === null ? 'no task_id' : null) };
}

const failureWords = new Set(['failed', 'fail', 'failure', 'error']);
const successWords = new Set(['succeed', 'succeeded', 'success', 'completed']);

/**
 * Decides the outcome of a flat result. The rules apply in this order:
 *
 * A failure word or an error with a code means failed. A success word with a URL means succeeded, whatever `success`
 * is. `success: true` with a URL and no word at all means succeeded too. `success` alone decides only if the task is
 * known to be finished. Anything else is running.
 */
export function decide(
  body: JsonObject,
  known: { readonly taskId: string | null; readonly finished: boolean },
): Verdict {
  const word = asText(body.state)?.toLowerCase() ?? '';
  const error = findError(body);
  const saysDone = word === '' && body.success === true && asHttpUrl(body.video_url) !== null;
  const claimsSuccess = successWords.has(word) || saysDone || (known.finished && body.success === true);
  const claimsFailure = failureWords.has(word) || (known.finished && body.success === false && !claimsSuccess);

  if (claimsFailure || (error !== null && error.code !== null)) {
    const contradicts = claimsSuccess || body.success === true;
    return { outcome: failed(body, error), odd: contradicts ? 'success and failure at once' : null };
  }
  if (claimsSuccess) {
    const videoUrl = asHttpUrl(body.video_url);
    if (videoUrl === null) return { outcome: { kind: 'missing' }, odd: 'success without a URL' };
    const contradicts = error !== null || body.success === false;
    const withoutWord = saysDone && !known.finished ? 'no final word' : null;
    return {
      outcome: succeeded(body, videoUrl, known.taskId),
      odd: contradicts ? 'success and failure at once' : withoutWord,
    };
  }
  return { outcome: { kind: 'running' }, odd: error === null ? 'no final word' : 'an error without a code' };
}

function failed(body: JsonObject, error: WireError | null): WireOutcome {
  return {
    kind: 'failed',
    code: error?.code ?? null,
    message: error?.message ?? 'The upstream gave no reason.',
    traceId: error?.traceId ?? asId(body.trace_id),
  };
}

function succeeded(body: JsonObject, videoUrl: string, taskId: string | null): WireOutcome {
  return {
    kind: 'succeeded',
    videoId: asId(body.video_id) ?? taskId ?? '',
    videoUrl,
    durationSeconds: asNumber(body.duration),
  };
}
