/** Sends callbacks as the upstream does: one attempt each, unsigned, without following redirects. */
import { request } from 'undici';
import type { JsonObject } from '../acedata/wire/json.ts';
import { failureOf, resultOf, type SandboxTask, type TaskBook } from './task-book.ts';

const CALLBACK_TIMEOUT_MS = 10_000;

export interface Caller {
  /** Sends each of the task's callbacks once, when it is due; overdue ones are sent immediately. */
  schedule(task: SandboxTask): void;
  /** Sends the task's result now. Resolves when there is a response or the attempt has failed. */
  callNow(task: SandboxTask): Promise<void>;
  stop(): void;
}

interface PlannedCallback {
  readonly atMs: number;
  readonly body: JsonObject;
}

/** Returns the callbacks of a task, each with its time and its body. */
function planOf(task: SandboxTask, mediaUrl: string): PlannedCallback[] {
  const { createdAtMs, endsAtMs } = task;
  const durationMs = endsAtMs - createdAtMs;
  const result = { atMs: endsAtMs, body: resultOf(task, mediaUrl) };
  switch (task.scenario) {
    case 'lost-callback':
    case 'synchronous':
    case 'early-callback':
      return [];
    case 'duplicate-callback':
      return [result, result, { ...result, atMs: endsAtMs + durationMs / 2 }];
    case 'late-callback':
      return [{ ...result, atMs: endsAtMs + 3 * durationMs }];
    case 'contradictory-callback':
      return [
        { atMs: endsAtMs, body: failureOf(task) },
        { ...result, atMs: endsAtMs + durationMs / 2 },
      ];
    default:
      return [result];
  }
}

export function createCaller(
  book: TaskBook,
  mediaUrl: () => string,
  log: (fields: object, message: string) => void,
): Caller {
  const timers = new Set<NodeJS.Timeout>();
  const stopping = new AbortController();

  /**
   * Acts at the given time or just after it. Timers fire up to 2 ms early by the clock, when the task would still be
   * running.
   */
  function at(atMs: number, act: () => void): void {
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        if (Date.now() < atMs) at(atMs, act);
        else act();
      },
      Math.max(0, atMs - Date.now()),
    );
    timers.add(timer);
  }

  /** Sends a callback. Resolves with true if there was a response, whatever it was. */
  async function call(task: SandboxTask, body: JsonObject): Promise<boolean> {
    const url = task.request.callback_url;
    if (typeof url !== 'string' || url.trim() === '' || stopping.signal.aborted) return false;
    try {
      const response = await request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(CALLBACK_TIMEOUT_MS)]),
      });
      await response.body.dump();
      log({ taskId: task.taskId, status: response.statusCode }, 'sandbox callback');
      return true;
    } catch (error) {
      if (!stopping.signal.aborted) log({ taskId: task.taskId, err: error }, 'sandbox callback was not answered');
      return false;
    }
  }

  return {
    schedule(task) {
      const plan = planOf(task, mediaUrl());
      let left = plan.length;
      for (const { atMs, body } of plan) {
        at(atMs, () => {
          void call(task, body).then((answered) => {
            // Unanswered callbacks are sent again after a restart: the sandbox exists to show them.
            if (answered) left -= 1;
            if (left === 0) book.markCalled(task);
          });
        });
      }
    },
    async callNow(task) {
      await call(task, resultOf(task, mediaUrl()));
    },
    stop() {
      stopping.abort();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
