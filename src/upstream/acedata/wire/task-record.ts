/**
 * A task record: what a look-up returns for one task. It has no status field; the state is derived from the other
 * fields.
 */
import type { TaskRecordAnswer } from './answers.ts';
import { asHttpUrl, asId, asNumber, asObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { decide } from './result.ts';
import type { WireOutcome } from './result.ts';

/** A task as its server knows it. */
export interface Task {
  readonly taskId: string;
  readonly traceId: string;
  /** The body of the submit, as it was sent. */
  readonly request: JsonObject;
  /** The flat result; null until there is one. */
  readonly response: JsonObject | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export function encodeTaskRecord(task: Task): TaskRecordAnswer {
  return {
    id: task.taskId,
    type: 'motion',
    trace_id: task.traceId,
    job_id: task.taskId,
    request: task.request,
    response: task.response ?? {},
    created_at: toSeconds(task.createdAt),
    ...(task.startedAt !== null && { started_at: toSeconds(task.startedAt) }),
    ...(task.finishedAt !== null && {
      finished_at: toSeconds(task.finishedAt),
      elapsed: (task.finishedAt.getTime() - (task.startedAt ?? task.createdAt).getTime()) / 1_000,
    }),
  };
}

export interface TaskRecord {
  readonly taskId: string;
  readonly traceId: string | null;
  /** The callback URL that the task's submit named, as echoed by the upstream. It links a task to its creator. */
  readonly callbackUrl: string | null;
  readonly outcome: WireOutcome;
  readonly createdAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/**
 * Decodes a task record; null if the value is not one. The result is read from `response` only, because
 * `request.video_url` is the input. `onlyAsked` is the requested task if there was only one: a record that names no
 * task is about that one.
 */
export function decodeTaskRecord(value: unknown, onlyAsked: string | null = null): TaskRecord | null {
  const record = asObject(value);
  const response = asObject(record?.response);
  const named = asId(record?.id) ?? asId(record?.task_id) ?? asId(response?.task_id);
  const taskId = named ?? (response === null ? null : onlyAsked);
  if (record === null || taskId === null) return null;
  const traceId = asId(record.trace_id);
  const finishedAt = asDate(record.finished_at);
  const { outcome } = decide(response ?? {}, { taskId, finished: finishedAt !== null });
  return {
    taskId,
    traceId,
    callbackUrl: asHttpUrl(asObject(record.request)?.callback_url),
    outcome: outcome.kind === 'failed' ? { ...outcome, traceId: outcome.traceId ?? traceId } : outcome,
    createdAt: asDate(record.created_at),
    startedAt: asDate(record.started_at),
    finishedAt,
  };
}

/** Converts a date to seconds with a fraction, the format of times on the wire. */
export const toSeconds = (date: Date): number => date.getTime() / 1_000;

function asDate(value: unknown): Date | null {
  const seconds = asNumber(value);
  if (seconds === null || seconds === 0) return null;
  const date = new Date(Math.round(seconds * 1_000));
  return Number.isNaN(date.getTime()) ? null : date;
}
