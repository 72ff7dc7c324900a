/** A task of the simulated upstream: its true outcome, and the record that look-ups return. */
import type { JsonObject } from '../../../src/upstream/acedata/wire/json.ts';
import { encodeFailure, encodeSuccess, type MadeVideo } from '../../../src/upstream/acedata/wire/result.ts';
import type { SubmitBody } from '../../../src/upstream/acedata/wire/submit-body.ts';
import type { Task as WireTask } from '../../../src/upstream/acedata/wire/task-record.ts';
import type { TaskOutcome } from './messages.ts';

export interface Task {
  readonly taskId: string;
  readonly traceId: string;
  readonly jobId: string;
  readonly request: SubmitBody;
  readonly callbackUrl: string;
  readonly outcome: TaskOutcome;
  readonly createdAt: number;
  readonly endsAt: number;
  /** A true callback of the task was answered 200. */
  heard: boolean;
  /** A look-up by id was answered after the task had ended. */
  asked: boolean;
  /** A callback was answered 404: the gateway does not know the job. */
  refused: boolean;
}

export const videoOf = ({ taskId }: Pick<Task, 'taskId'>): MadeVideo => ({
  videoId: `video-${taskId}`,
  videoUrl: `https://media.example.com/${taskId}.mp4`,
  durationSeconds: 5.066,
});

export const resultOf = (task: Task): JsonObject =>
  task.outcome === 'success'
    ? encodeSuccess(task, videoOf(task))
    : encodeFailure(task, 'api_error', 'The task failed.');

export function recordOf(task: Task): WireTask {
  const ended = task.endsAt <= Date.now();
  return {
    taskId: task.taskId,
    traceId: task.traceId,
    request: task.request,
    response: ended ? resultOf(task) : null,
    createdAt: new Date(task.createdAt),
    startedAt: new Date(task.createdAt),
    finishedAt: ended ? new Date(task.endsAt) : null,
  };
}
