/** Sends the callbacks planned for each task: shuffled, repeated, lost, contradictory and forged. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import type { JsonObject } from '../../../src/upstream/acedata/wire/json.ts';
import { encodeFailure, encodeSuccess } from '../../../src/upstream/acedata/wire/result.ts';
import type { Journal } from '../journal.ts';
import type { CallbackKind, LedgerRecord } from './messages.ts';
import type { PlannedCallback } from './plan.ts';
import { resultOf, videoOf, type Task } from './task.ts';

const TIMEOUT_MS = 5_000;
/**
 * If no gateway can know the outcome of a task, its callback is repeated this long after the end of the task, and then
 * every `REPEAT_MS`.
 */
const REPEAT_AFTER_MS = 5_000;
const REPEAT_MS = 1_000;

export interface Caller {
  /** Sends the callback that precedes the answer to the submit. Resolves when it was answered or has failed. */
  callEarly(task: Task): Promise<void>;
  /** Schedules all other callbacks. */
  schedule(task: Task, callbacks: readonly PlannedCallback[]): void;
}

/** Resolves with the HTTP status, or with null if there was no answer. */
function post(url: string, body: JsonObject): Promise<number | null> {
  return new Promise((resolve) => {
    // Uses a new connection, so that the forwarder passes each callback to the next gateway.
    const sent = request(
      url,
      { method: 'POST', agent: false, headers: { 'content-type': 'application/json' }, timeout: TIMEOUT_MS },
      (response) => {
        response.resume().once('close', () => resolve(response.statusCode ?? null));
      },
    );
    sent
      .on('timeout', () => sent.destroy())
      .on('error', () => resolve(null))
      .on('close', () => resolve(null));
    sent.end(JSON.stringify(body));
  });
}

export function createCaller(ledger: Journal<LedgerRecord>, tasks: () => readonly Task[], listing: boolean): Caller {
  async function call(task: Task, callback: CallbackKind, body: JsonObject, url = task.callbackUrl): Promise<void> {
    const sentAt = Date.now();
    const status = await post(url, body);
    ledger.append({
      kind: 'callback',
      jobId: task.jobId,
      taskId: task.taskId,
      callback,
      claimedTaskId: String(body.task_id),
      sentAt,
      status,
    });
    if (status === 200 && ['true', 'early', 'repeated'].includes(callback)) task.heard = true;
    if (status === 404 && callback !== 'forgedMac') task.refused = true;
  }

  function bodyOf(task: Task, { kind, variant }: PlannedCallback): JsonObject {
    if (kind === 'contradictory') return { ...encodeFailure(task, 'api_error', 'A failure that never was.'), variant };
    if (kind === 'forgedTask') {
      const others = tasks().filter((other) => other.jobId !== task.jobId);
      const taskId = others[(variant * 7) % Math.max(1, others.length)]?.taskId ?? randomUUID();
      return encodeSuccess(
        { taskId, traceId: randomUUID() },
        { ...videoOf(task), videoUrl: 'https://forged.example.com/video.mp4' },
      );
    }
    if (kind === 'forgedMac')
      return encodeSuccess(task, { ...videoOf(task), videoUrl: 'https://forged.example.com/video.mp4' });
    return { ...resultOf(task), ...(variant > 0 && { variant }) };
  }

  /**
   * Repeats the true callback of a task until it is answered 200 or 404, so that the outcome does not remain unknown,
   * and a false callback does not remain the only one. If no false callback was planned, listing or an answered look-up
   * is also sufficient.
   */
  function repeatUntilHeard(task: Task, lied: boolean): void {
    const isSettled = (): boolean => task.heard || task.refused || (!lied && (listing || task.asked));
    const repeat = async (): Promise<void> => {
      if (isSettled()) return;
      await call(task, 'repeated', resultOf(task));
      setTimeout(() => void repeat(), REPEAT_MS);
    };
    setTimeout(() => void repeat(), Math.max(0, task.endsAt - Date.now()) + REPEAT_AFTER_MS);
  }

  return {
    callEarly: (task) => call(task, 'early', resultOf(task)),
    schedule(task, callbacks) {
      for (const callback of callbacks) {
        setTimeout(
          () => {
            if (callback.lost)
              return ledger.append({
                kind: 'lostCallback',
                jobId: task.jobId,
                taskId: task.taskId,
                callback: callback.kind,
              });
            const url = callback.kind === 'forgedMac' ? forged(task.callbackUrl) : task.callbackUrl;
            void call(task, callback.kind, bodyOf(task, callback), url);
          },
          Math.max(0, task.endsAt - Date.now()) + callback.afterEndMs,
        );
      }
      repeatUntilHeard(
        task,
        callbacks.some(({ kind }) => kind === 'contradictory'),
      );
    },
  };
}

/** Returns the URL with a different MAC of the same length. */
const forged = (url: string): string => url.replace(/[\w-]$/, (last) => (last === 'A' ? 'Q' : 'A'));
